# ruff: noqa: E501
"""What a message does: the phrases of each intent, as data, and which of them a message holds.

Which one wins when several are there is decided in `understand`, with the conversation at hand.
"""

from __future__ import annotations

import re
from typing import Literal

from assistant.intent.understanding import Intent

Act = Intent | Literal["injection", "off_topic", "ask", "aux"]
_CART = r"(?:cart|basket|trolley|shopping bag|order)"
_PLEASE = r"(?:(?:please|pls|could you|can you|would you|then|ok(?:ay)?|now|and|but|just|so|yes|yeah|great|good|perfect|nice|cool|alright|sounds good|no|sorry|oh|wait|hm+|actually),? )*"
_WHICH = r"(?:it|that(?: one)?|this(?: one)?|these|those|them|both|one|two|three|\d|all (?:of (?:them|these|those)|three|two)|the (?!cheapest|most|brand|make|colou?r|size|material|type|kind|category))"
_WELL = r"(?:(?:and|but|so|ok(?:ay)?|hi|hello|hey|hm+|well|right|good|great|fine|then|now|also|sorry),? )*"
_ZU = r"(?:个|款|件|种|双|条|顶|只|项|张|把|支|瓶|包|台|套|本|样|副|盏)"

_PHRASES: tuple[tuple[Act, tuple[str, ...]], ...] = (
    ("forget_me", (
        r"\b(?:forget|erase|delete|remove|wipe|clear|destroy)(?: about)? (?:everything|anything|all)(?: that)?(?: you (?:know|have|stored|store|remember))?(?: (?:about|on) me)\b",
        r"\b(?:forget|erase|delete) me\b(?! (?:that|about))",
        r"\b(?:forget|erase|delete|remove|wipe|clear|destroy) (?:all )?(?:of )?(?:my|the) (?:personal |shopping |own )?(?:data|info\w*|profile|account|records?|purchase history|history|details)\b(?! about)",
        r"\b(?:forget|erase|delete|wipe) (?:what|everything|all) (?:that )?you (?:know|have|stored|remember)\b",
        r"\bright to be forgotten\b",
        r"忘(?:掉|了|记)?我(?!说|刚|前|之|问|要|想)|(?:删除|删掉|清除|抹掉|抹去|清空|注销|销毁)(?:掉)?(?:我的?|关于我的?|有关我的?|所有|全部|一切|个人)*(?:数据|资料|信息|记录|历史|档案|账号|账户|画像)",
    )),
    ("personalise_on", (
        r"\b(?:turn|switch) (?:on |back on )?(?:the |my )?personali[sz]\w*(?: back)? on\b|\b(?:turn|switch) (?:back )?on (?:the |my )?personali[sz]\w*|\b(?:start|enable|resume|restart|activate|allow|use) (?:the |my )?personali[sz]\w*|\bpersonali[sz]ation (?:back )?on\b|(?<!don't )(?<!dont )(?<!not )(?<!stop )\bpersonali[sz]e (?:again|my|it|for me|things|everything)\b|\b(?:you (?:can|may)|please) (?:use my (?:history|data|profile)|remember me)\b",
        r"(?:打开|开启|启用|恢复|重新开启?|重新启用|允许)(?:我的)?(?:个性化|定制化|个人化)(?:推荐)?|可以用我的(?:历史|记录|数据)",
    )),
    ("personalise_off", (
        r"\b(?:stop|turn off|switch off|disable|deactivate|end|no more|don'?t|do not|no|without|quit|opt out of) (?:the |any |my |using |with (?:the )?)?personali[sz]\w*|\b(?:turn|switch) (?:the |my )?personali[sz]\w* off\b|\bpersonali[sz]ation off\b|\b(?:stop|don'?t|do not|quit) (?:tracking|track|profiling|profile|following|follow) me\b|\b(?:stop|don'?t|do not|quit) (?:using|use) my (?:history|data|profile|purchases|past)\b|\b(?:general|non-?personali[sz]ed) (?:suggestions|recommendations|results) only\b|\bnon-?personali[sz]ed\b",
        r"(?:关闭|关掉|停止|停用|取消|不要|不用|别|禁用|退出)(?:再)?(?:使用|用|给我|做|对我)?(?:我的)?(?:个性化|定制化|个人化|跟踪|追踪|画像)(?:推荐|我)?|(?:别|不要|停止)(?:再)?(?:使?用)我的(?:历史|记录|数据|资料|购买)|别跟踪我|不要跟踪我",
    )),
    ("show_profile", (
        r"\bwhat (?:(?:do|did|have|all do) you|you) (?:really |actually )?(?:know|have|remember|remembered|store|stored|saved|keep|think you know|learned|got)(?: on file)? (?:about|on|of) me\b|\bwhat (?:data|info\w*) (?:do|did|have) you (?:have|keep|store|hold|collect\w*|got)\b|\b(?:show|see|view|open|check|display|give|export|edit)(?: me)?(?: all)? my (?:profile|data|personal data|preferences)\b|^(?:my )?(?:profile|personal data)$|\bmy profile\b|\bwhat(?:'s| is) in my (?:profile|history)\b|\bdo you (?:know|remember) (?:who i am|me|anything about me)\b",
        r"你(?:们)?(?:都)?(?:知道|了解|记得|存了|掌握|收集了?|记录了)(?:关于)?我(?:的)?(?:什么|哪些|多少|些什么)|(?:看看|看一下|看|显示|查看|查一下|导出|打开)(?:你)?(?:记录的|关于)?(?:我的)(?:画像|用户画像|档案|资料|个人资料|数据|个人信息|偏好)|^我的(?:画像|档案|资料|个人资料|数据)(?:是什么|有什么)?$|(?:对我|关于我)(?:你)?(?:知道|了解|掌握)(?:了)?(?:什么|哪些|多少)|你(?:知道|记得)我是谁|用户画像",
    )),
    ("human", (
        r"\b(?:talk|speak|chat|connect(?: me)?|transfer(?: me)?|hand me over|put me through|pass me on|escalate(?: this)?|get me through) (?:to|with)? ?(?:a |an |the |your |some )?(?:real |actual |live |human |sales |support |store )?(?:human\b|humans\b|person\b|people\b|agent|representative|rep\b|someone|somebody|staff|operator|advis[eo]r|assistant|customer (?:service|support|care)|support\b|manager|employee|colleague)|\b(?:real|actual|live) (?:person|human|agent|people)\b|\bhuman (?:agent|being|help|support|please)\b|\b(?:contact|call|reach) (?:customer )?(?:service|support)\b|\bcustomer (?:service|support|care)\b|^(?:a )?(?:human|agent|operator|representative)(?: please)?[.!]*$|\bget me a (?:human|real person|manager)\b",
        r"(?:转|找|接|要|叫|联系|和|跟|换|呼叫|请|有)(?:一?个|你们的?)?(?:人工|真人|客服|店员|工作人员|人工客服|真人客服)|^(?:人工|人工客服|人工服务|真人|客服)[。.!]*$|转人工|(?:和|跟)(?:一个)?(?:真人|人)(?:说话|聊|谈|沟通)",
    )),
    ("injection", (
        r"\b(?:ignore|disregard|forget|override|bypass|skip) (?:all |any |everything )?(?:of )?(?:your |the |these |those |previous |prior |above |earlier |my )*(?:instructions?|rules?|prompts?|guidelines|programming|constraints you|safety)\b|\b(?:system|hidden|secret|initial|developer) (?:prompt|instructions?|message|mode)\b|\b(?:print|reveal|show|repeat|output|tell|leak|display|give)(?: me| us)? (?:your|the) (?:full |entire |exact |original )?(?:prompt|instructions|rules|source code|configuration|api key)\b|\bjailbreak|\bdan mode\b|\bdo anything now\b|\byou are now (?:a|an|in|the|dan|my)\b|\bpretend (?:to be|you are|you're|that)\b|\bact as (?:a|an|if|my)\b|\brole-?play\b|\b(?:sudo|<\|im_start\|>|\[inst\]|###? ?system)|\bgive me (?:a |an )?(?:\d+|ninety|fifty|hundred) ?(?:%|percent|per cent) (?:off|discount)|\bset (?:the|all|its|every) prices? to\b|\bsell (?:it|this|me (?:it|this|that|the .{1,40}?)) for (?:\$ ?)?(?:1|0|one|zero)(?: dollars?)?\b|\blegally binding\b",
        r"(?:忽略|无视|忘记|忘掉|绕过|跳过|不要遵守)(?:掉)?(?:你|之前|以上|上面|前面|先前|所有|全部|一切|的)*(?:指令|指示|规则|提示词?|设定|限制你|要求)|系统提示词?|(?:你的|输出|打印|显示|告诉我)(?:你的)?(?:提示词|初始指令|系统指令|源代码|内部指令)|越狱|开发者模式|你现在是(?:一个|一名|个)?(?!什么)|假装(?:你)?(?:是|成)|扮演|给我打?(?:[一二三0-9]折|[1-9]0%)|(?:价格|售价)(?:改|设)(?:成|为)(?:0|零|一块|1块|1元)",
    )),
    ("off_topic", (
        r"\b(?:what(?:'s| is| will)|how(?:'s| is| will)|tell me|check) (?:the )?(?:weather|temperature outside|forecast)(?: (?:be )?(?:like|today|tomorrow|in|going)\b|\b[?.! ]*$)|\bweather (?:today|tomorrow|forecast|in [a-z]+)\b|\bwill it (?:rain|snow)\b|\btell (?:me|us) (?:a |another |some )?(?:joke|story|poem|riddle|fairy tale)s?|\b(?:write|compose|draft|make)(?: me| us)? (?:a |an |some |my )?(?:poem|essay|song|haiku|code|python|javascript|program|script|email|letter|cv|resume|homework|story)\b|\b(?:sing|joke|riddle)(?: me| for me| please)?[!?. ]*$|\bwho (?:is|was|are|will be) (?:the )?(?:president|prime minister|king|queen|chancellor)|\bwho (?:should|would|do) (?:i|you) vote\b|\b(?:election|elections|republicans?|democrats?|politics|donald trump|joe biden|putin)\b|\bwho won\b|\bwhat(?:'s| is) the (?:capital|population) of\b|\b(?:translate|solve|calculate|integrate) (?:this|the|that|\d|for me)|\bwhat(?:'s| is) (?:\d+|two) ?(?:\+|plus|times|x|\*|minus|divided by) ?(?:\d+|two)|\bmeaning of life\b|\b(?:bitcoin|crypto\w*|stock market|stock price|share price|lottery|horoscope)\b|\b(?:diagnose|symptoms? of|medical advice|legal advice|lawsuit)\b|\b(?:do you (?:love|like) me|are you (?:single|married|conscious|sentient|alive)|will you marry me|what do you think of me)\b|\bhow (?:do i|to|can i) (?:make|build) (?:a |an )?(?:bomb|weapon|explosive|drugs?)\b|\b(?:hack|phish)\b|\bfootball (?:score|match|results)\b|\bwhat (?:time|day|date) is it\b|\bdo my homework\b|\brecipe for\b",
        r"(?:今天|明天|后天|这周|周末|现在|外面|[\u4e00-\u9fff]{2,3})?(?:的)?天气(?:怎么样|如何|好吗|预报|好不好|会怎样)|(?:会|要)下(?:雨|雪)(?:吗|么|不)|讲(?:个|一个|点)?(?:笑话|故事)|说个笑话|来个笑话|写(?:一?首|一?篇|个|一?段|一封)(?:诗|文章|作文|代码|程序|歌|信|邮件|故事|脚本)|(?:总统|主席|首相|总理)是谁|谁是(?:总统|主席|首相|总理)|选举|投票给谁|政治|(?:首都|人口)是(?:哪|多少|什么)|谁赢了|比分|翻译(?:一下|成|这)|股票|股市|比特币|彩票|星座|运势|(?:一加一|1\+1)等于|人生的意义|你(?:爱|喜欢)我吗|你是单身|怎么(?:做|造|制作)(?:炸弹|武器|毒品)|看病|法律咨询|现在几点|今天(?:星期|几号)|作业",
    )),
    ("undo", (
        r"^\W*" + _PLEASE + r"undo\b|\bundo (?:that|it|this|the last)|\btake (?:that|it) back\b|\bput (?:it|that|them) back\b(?! on)|\brevert(?: that| it)?\b|\boops\b.{0,20}\b(?:back|undo|mistake)\b|\bthat was a mistake\b",
        r"撤销|撤回|恢复(?:刚才|上一步|购物车)|取消(?:刚才|上一步|上个)|加错了|删错了|还原",
    )),
    ("cart_clear", (
        rf"\b(?:clear|empty|delete|wipe|reset|clean)(?: out)? (?:all (?:of )?)?(?:my |the |this )?(?:whole |entire )?{_CART}\b(?<!order)|\b(?:remove|delete) (?:everything|all(?: of (?:it|them))?|all (?:items|products|the items))(?: (?:from|out of|off) (?:my |the )?{_CART})?[.! ]*$|\btake (?:everything|all(?: of (?:it|them))?|all (?:items|products|the items)) (?:from|out(?: of)?|off|away)(?: (?:my |the )?{_CART})?[.! ]*$|\bempty it\b",
        r"清空(?:我的|整个|这个)?(?:购物车|车)|(?<!从)购物车(?:里的?|中的?)?(?:全部|全都|都)?(?:清空|清掉|全删|都删|删掉|删除|清除|删光)(?:掉)?$|购物车(?:全部|全都|都)(?:清|删)|(?:删除|删掉|清除|移除|去掉)(?:购物车(?:里|中)?的?)?(?:全部|所有)(?:的)?(?:商品|东西|产品)?|(?:把)?(?:购物车(?:里|中)?的?)?(?:东西|商品|全部|所有)(?:都|全部?|统统)(?:删|清|去|移)",
    )),
    ("goes_with_cart", (
        rf"\b(?:goes?|going|went|fits?|match(?:es)?|pairs?|work(?:s)?|suits?|needed) (?:well |best |nicely |together )?(?:with|for) (?:what(?:'s| is| i have)? (?:already )?(?:in )?)?(?:my |the )?{_CART}\b|\b(?:anything|something|what|what's|stuff|things|products|suggestions?|recommendations?|ideas)(?: else)?(?: is| are| do i need| do you recommend| should i (?:add|get|buy)| would go)?(?: missing (?:from|in)| for| to add to| to go with| that goes with| i could add to| with| to complete| i need for) (?:what(?:'s| is) in )?(?:my |the )?{_CART}\b|\b(?:complete|finish|round off|round out|fill up|improve|optimi[sz]e) (?:my |the |this )?{_CART}\b|\bwhat(?: else)?(?: is|'s| am i| are we)? missing\b|\b(?:am i|are we|did i|have i) (?:missing|forget|forgotten|forgetting)(?: anything| something)?\b|\bgiven (?:what(?:'s| is) in )?my {_CART}\b|\bbased on (?:what(?:'s| is) in )?my {_CART}\b",
        r"(?:和|跟|与|给|为|根据|按)(?:我(?:的)?)?购物车(?:里|中|里面)?(?:的)?(?:东西|商品|产品)?(?:搭配|相配|搭|配|推荐|一起|再|还|凑|补)|购物车(?:里|中|里面)?(?:还)?(?:缺|差|需要|少|能|可以)(?:点|些|了)?(?:什么|啥|配|加|搭)|(?:搭配|配|补全|补齐|完善|凑齐|优化)(?:一下)?(?:我的)?购物车|(?:我)?还(?:缺|差|少|漏)(?:了)?(?:点|些)?(?:什么|啥)|(?:漏|忘)(?:了|买|记)+(?:什么|啥)|购物车(?:里的?|中的?)?(?:东西|商品)?(?:还)?(?:可以|能|应该)?(?:搭配|配|加点|加些)(?:什么|啥)?|(?:适合|配)我?购物车",
    )),
    ("cart_remove", (
        rf"\b(?:remove|delete|take|drop|get|throw|kick|pull)\b.{{0,80}}?\b(?:from|out of|off|out) (?:of )?(?:my |the )?{_CART}\b|^\W*{_PLEASE}(?:remove|delete|take out|take away|drop|get rid of|throw out|discard) {_WHICH}|\b(?:don'?t|do not) want {_WHICH} ?(?:one )?(?:in my {_CART}|any ?more)|\btake {_WHICH} ?(?:one |\w+ ){{0,3}}(?:out|off|away)\b|\b(?:don'?t|do not|no longer) (?:want|need) .{{1,60}}? in (?:my|the) {_CART}\b",
        r"从购物车(?:里|中)?.{0,20}?(?:删|移|去|拿|减|取)(?:掉|除|出|走|去|下|开)?|(?:把)?.{0,24}?(?:从购物车(?:里|中)?)(?:删|移|去|拿|取)|(?:购物车(?:里|中)?(?:的)?).{1,24}?(?:删|移|去|拿)(?:掉|除|出|走|了)|(?:删除|删掉|移除|移出|去掉|拿掉|拿走|移走)(?:它|这|那|第|刚才|最后|前|便宜|贵)|把.{1,24}?(?:删|移|去|拿)(?:掉|除|出|走|了)|购物车(?:里|中)?(?:的)?.{1,24}?(?:不要|不想要|不需要)了?|(?:不要|不想要)购物车(?:里|中)的.{1,24}",
    )),
    ("cart_add", (
        rf"\b(?:add|put|throw|stick|pop|drop|place|toss|chuck)\b.{{0,80}}?\b(?:to|in|into|in to|on) (?:my |the |a )?{_CART}\b|^\W*{_PLEASE}(?:add|order) {_WHICH}|\b(?:i'?ll|i will|i'?d like to|i would like to|i want to|i wanna|let me|we'?ll|gonna|going to) (?:just )?(?:take|have|buy|get|go with|order|purchase|grab) {_WHICH}(?!\s*(?:tents?\b))|^\W*{_PLEASE}(?:buy|take|grab|purchase|get me|i want|i take) {_WHICH}|\badd (?:another|one more|\d|two|three)\b.{{0,30}}(?:{_CART}|of (?:it|them|these|those|this|that|the))|\badd to {_CART}\b|\b(?:can|could|may) i (?:please )?(?:have|get|take|buy|order) (?:it|this one|that one|both|them|these|those|all (?:of them|two|three|four|\d)|the (?:first|second|third|fourth|last)\b)|\bi choose {_WHICH}|\bi(?:'ll| will)? take (?:it|this(?: one)?|that(?: one)?|them|both)\b(?! (?:back|out|away|off|that))|\bput (?:it|them|those|these|both)(?: all| both)? in\W*(?:please\W*)?$|\bi(?:'d| would) like (?:this|that) one\W*$|\b(?:i'?m|i am|let'?s|we'?re) (?:going|go) (?:with|for) {_WHICH}|^\W*(?:i'?ll have |give me )?(?:two|three|four|five|\d|one|both|a couple) of (?:them|those|these|it)\b",
        rf"(?:加|放|添加|加入|放进|放入|丢|扔|加到|放到|装)(?:进|入|到|去)?(?:了)?(?:我的)?(?:购物车)|(?:加|放|添加).{{0,24}}?购物车|购物车.{{0,4}}(?:加|放)(?:上|入|进)?(?:[一二两三四五六七八九十\d]|它|这|那|第)|^(?:那个,|那|嗯+,?|哦,?|对,?|可以,?|不错,?|好的?,?|行,?|就|那就|我|我就|请|帮我|给我|再)*(?:要|买|来|拿|选|下单|订|加)(?:了)?(?:[一二两三四五六七八九十\d]+{_ZU})?(?:它|(?:这|那|刚才|前面|后面|前|后)(?:一|两|三|几|的)?{_ZU}|第[一二三四五六七八九十\d]+{_ZU}?|(?:两|三){_ZU}都|最后|便宜的|贵的)|^(?:我|帮我|给我|请|那|那就|就|好的?|再|先|,)*(?:加|要|来|买|拿)[一二两三四五六七八九十\d]+{_ZU}(?:吧|就行|谢谢)?\W*$|下单|(?:它|这{_ZU}|那{_ZU}|第.{_ZU}?|都)(?:我)?(?:要了|买了|来一|来两|我要|加上|加入)",
    )),
    ("cart_show", (
        rf"\b(?:show|see|view|open|check|display|review|look at|list|what'?s|what is|whats|go to)(?: me)?(?: what(?:'s| is| i have))?(?: currently| now| already)?(?: in| inside)? (?:my |the )?{_CART}\b(?! for)(?<!order)|^(?:my |the |show )?(?:cart|basket)[?.! ]*$|\b(?:how much|what) (?:is|does) (?:in )?(?:my|the) {_CART}(?: cost| total| come to| worth)?|\b{_CART} total\b|\bwhat (?:do|did) i (?:have|add|put)(?: so far)?(?: in| to)?(?: (?:my|the) {_CART})?(?: so far)?\W*$|\bhow many (?:things|items|products)? ?(?:are |do i have )?in (?:my|the) {_CART}\b|\bcheck ?out\b",
        r"(?:看|查看|打开|显示|看看|看一下|看下|检查|列出)(?:一下|下)?(?:我的|我)?购物车|购物车(?:里|里面|中|内)?(?:都)?(?:有|是)(?:些|了)?(?:什么|啥|哪些|多少)|^(?:我的)?购物车[?。.! ]*$|购物车(?:一共|总共|合计|总价|总额|多少|现在)|结账|结算|买单",
    )),
    ("why_not", (
        r"\bwhy (?:not|(?:did|do|have|would|could|are|was|were|is|does|has)(?:n'?t| not)? ?(?:you|i|it|they)? ?(?:not|n'?t)|didn'?t|don'?t|aren'?t|isn'?t|wasn'?t|weren'?t|haven'?t|wouldn'?t|hasn'?t|doesn'?t|no\b(?! stock))|\bwhy (?:did you )?(?:leave|left|leaving|skip|skipped|omit|exclude|excluded|drop|dropped|reject|ignore|ignored)\b|\bwhy (?:is|are|was|were) .{1,60}? (?:not|n't) (?:on|in|here|shown|suggested|recommended|listed|included|among)\b|\bwhat(?:'s| is) wrong with\b|\bhow come (?:you )?(?:not|no|didn'?t|don'?t)\b",
        r"(?:为什么|为啥|为何|怎么|干嘛|干吗)(?:你|你们|就|又|都|还|它|它们|刚才|,)*(?:不|没有?|没)(?:是|给我|向我|把|直接)?(?:推荐|选|给|显示|列|要|用|买|看|考虑|有|展示|提|介绍|放)|(?:为什么|为啥|为何)不是|为何不|干嘛不|(?:为什么|为啥|为何|怎么)(?:没|不)(?!防|能|可以|会|含|带)",
    )),
    ("why", (
        r"^\W*(?:but |and |so |ok(?:ay)?,? |hm+,? )*why\b(?! (?:is|are) (?:it|this|that|they|these|the \w+ \w*|the \w+) (?:so|too|that) )(?: (?:this|that|it|these|those|them|the|do|did|are|is|should|would|exactly|is that|so)\b.*)?[?!. ]*$|\b(?:why|how) (?:did|do|have|would|are) you (?:pick|choose|chose|chosen|recommend|recommending|recommended|suggest|suggesting|suggested|select|selected|come up with|show|showing|offer|put|rank)\b|\bwhat makes (?:this|it|that|these|them|the)\b|\b(?:reasons?|rationale|evidence|proof) (?:for|behind|of|that)\b|\bexplain (?:this|that|it|why|your|the)\b|\bwhy (?:should|would) i (?:buy|get|choose|take|want|pick)\b|\bwhy (?:this|that|these|those|it|the)\b|\bon what basis\b|\bhow do you know\b",
        r"(?:为什么|为啥|为何|凭什么|怎么会|干嘛)(?:要|会|是|给我|你|都|选|推荐|买|它|这(?![么样])|那(?![么样])|第|,|\?|$|呢|说)|(?:理由|原因|依据|根据)(?:是|在)?(?:什么|呢|啥|\?|$)|(?:说说|讲讲|解释|解释一下|说明)(?:一下)?(?:理由|原因|为什么|推荐)|(?:推荐|选择?)(?:它|这个|这款)?的?(?:理由|原因)|怎么(?:选|挑|推荐)(?:出|的)",
    )),
    ("fit", (
        rf"^\W*{_WELL}(?:does|do|will|would|can|could|is|are)\b.*\b(?:fits?|works?|goes?|go|matche?s?|suits?|compatible|be used|use|combine[ds]?|belongs?|together)\b",
        r"(?:配得上|能配|配不配|合不合|能不能(?:用|配|装)|可以(?:配|用|装)|适合|适配|兼容|匹配|合适|配|能(?:和|跟|与).{1,24}一起用|能用).{0,24}(?:吗|么|不|\?)|(?:和|跟|与).{1,24}(?:能|可以|可不可以|能不能)(?:一起)?(?:用|配|搭)(?:吗|么|\?)",
    )),
    ("compare", (
        r"\bcompar(?:e|ing|ison|isons)\b|\bdifferences?\b|\bdiffer(?:s|ent)?(?: from| to| between)\b|\bhow do (?:they|these|those|the \w+) differ\b|\bvs\.?(?=[ ,]|$)|\bversus\b|\bside by side\b|\bwhich (?:one |of (?:these|those|them|the \w+) |is (?:the )?|would be |should i |would you |do you |has |have |weighs |costs |holds |lasts )|\bwhich\?|^\W*which(?: one)?\W*$|\bor the (?:first|second|third|last|other|cheaper|dearer)\b|\bis (?:it|this|that|the \w+(?: \w+)?) (?:better|worse|lighter|warmer|bigger|smaller|heavier|stronger|cheaper) than\b|\bpros and cons\b|\b(?:what|which(?: one)?) (?:would|should|do) (?:you|i) (?:choose|pick|take|go for|go with|prefer)\b(?! for| to)",
        rf"(?:这|那)(?:几|两|三|些)[^,]{{0,8}}(?:最|哪)|(?:和|跟|与).{{1,8}}比(?:呢|一下|一比|起来)|比较(?:一下|下|这|那|第|前|后|它|两|几|$|和)|(?:做个|进行|帮我|来个|作个)比较|对比|相比|(?:有)?(?:什么|啥|哪些)?(?:区别|差别|差异|不同)|哪(?:一)?(?:{_ZU})?(?:更|比较|最|要)?(?:好|轻|重|大|小|便宜|贵|保暖|暖|防水|划算|值得|适合|耐用|亮|合适|推荐|结实)|(?:第.|它|这.|前者)(?:{_ZU})?(?:和|跟|与|比).{{1,12}}(?:哪|更|好还是)|选哪(?:个|款|一个)|(?:还是)(?:第.{_ZU}?|那{_ZU})(?:好|更)",
    )),
    ("bundle", (
        r"\bbundles?\b|\b(?:make|build|put together|fill|pack|plan) (?:me |us )?(?:a|my|the|our) (?:shopping )?(?:basket|cart|list|hamper)\b|\bstarter (?:set|kit|pack)s?\b|\b(?:complete|full|whole|entire|total) (?:\w+ )?(?:set|setup|set-up|kit|outfit|gear|package|equipment)\b|\b(?:a|the|one|this|your) (?:\w+ )?(?:kit|set|package|packages|combo|combination|outfit|collection)\b(?= (?:for|under|of|with|below|around|that|within|to|including|\x1f)|\W*\x1f|\W*$)|\bpackage deal\b|\bkit me out\b|\bkit (?:for|list)\b|\b(?:everything|all|whatever)(?: that)? (?:i|we|you)(?:'d| would| will|'ll)? (?:need|want)\b|\beverything for\b|\beverything \x1f|\bput (?:together|up) (?:a|an|something|some|me|the)\b|\bgear (?:me )?up\b|\bequip me\b|\bset me up\b|\ball the gear\b",
        r"一套|套装|套餐|组合|全套|整套|一整套|配一(?:套|身)|搭一(?:套|身)|成套|打包(?!袋)|配齐|全部(?:的)?(?:装备|东西|用品)|所有(?:的)?(?:装备|用品)|凑一(?:套|单)|搭配一套|一揽子|所需的?(?:全部|一切|所有)",
    )),
    ("goes_with", (
        r"\b(?:goes?|going|go) (?:well |best |nicely |great )?(?:together )?with\b|\bto (?:go|use|pair|match|combine|wear)(?: it| them| this)? (?:along |together )?with\b|\bpairs? (?:well |nicely |best )?with\b|\bmatch(?:es|ing)?(?: with| for| it| this| my| the)\b|\bwhat else\b(?! (?:do you have|have you got|is there|can you (?:show|do)|you got))|\b(?:anything|something) else (?:i(?:'d| would| will|'ll| might| may)? (?:also )?(?:need|want)|needed|for (?:it|this|that|my)|to (?:go )?with)|\b(?:also|else) (?:need|buy|get|require)\b|\bcomplement\w*\b|\baccessor(?:y|ies) (?:for|to|that)\b|\badd-?ons?\b|\b(?:works?|used?|fits?|suits?|compatible|combine|combines) (?:well |best |together )?with\b|\b(?:other|others|people|customers|buyers|shoppers|they) (?:\w+ ){0,3}(?:also )?(?:buy|bought|get|got|purchased?)\b|\b(?:frequently|often|usually|commonly) (?:bought|purchased) (?:together|with)\b|\bbought (?:together )?with\b|\bwhat (?:do|would|should|will|might) i (?:also |still |otherwise )?need\b|\bmust-?haves? (?:for|with)\b|\bto complement\b|\bextras? for\b|\bi (?:just |recently |already |have just |have |'ve |finally )*(?:bought|purchased|ordered|got myself|picked up)\b",
        r"搭配|相配|(?:能|可以|要|该|怎么|如何|应该)?配(?:什么|啥|点|些|它|这|那|个|我|得上)|(?:我)?还(?:需要|要|得|该|应该|可以|能)(?:再)?(?:买|配|准备|带|添|加)?(?:点|些|置)?(?:什么|啥|哪些|别的)|(?:一起|同时|顺便|一块)(?:买|用|购买)(?:的|什么|点|些)?|配套|配件|(?:还|另外)有什么(?:要|需要|该)|(?:刚|刚刚|已经|昨天|前天|上周|之前|最近|才)(?:买|入手|订|购|下单)(?:了|过|的)?|(?:别人|其他人|大家|人们|顾客|用户)(?:还|都|也|通常|一般|经常)*(?:买|购买|会买)(?:了|过|些)?(?:什么|啥)?|(?:和|跟|与).{1,14}?(?:一起用|搭|相配|配套|配着|配的)",
    )),
    ("better", (
        r"\b(?:something|anything|one|ones|a|an|any|some|is there(?: a| any)?) (?:\w+ )?better\b(?! (?:rated|reviews?|ratings?|price|on price))|\bbetter (?!reviews?\b|ratings?\b|price\b|on price\b|rated\b)(?:ones?|options?|versions?|models?|alternatives?|quality|made|choices?|product|\w+)\b|^\W*(?:any(?:thing)? )?better\W*(?:ones?)?\W*$|\bupgrad(?:e|es|ed|ing)\b|\bstep(?:ping)? up\b|\bhigher[- ](?:end|quality|spec\w*|grade)\b|\btop of the (?:line|range)\b|\bworth (?:the )?(?:upgrade|upgrading|paying (?:more|extra)|(?:the |spending )?(?:extra|more)(?: money)?|it)\b|\bmore (?:premium|advanced|professional|durable|robust|serious)(?: ones?| version| option)?\b|\bpremium (?:version|option|one|model|alternative)\b|\bnext level\b|\bif i (?:pay|spend|paid|spent) (?:a bit |a little )?more\b|\bbest quality\b",
        r"(?:有没有|有|要|来|换|找|推荐)*(?:更|再)好(?:一点|点|一些|些)?的?|(?:好一点|好点|好一些|好些|质量好(?:一)?点|高级(?:一)?点|高档(?:一)?点|专业(?:一)?点|更高级|更高端|更高档|更专业|更耐用)的?|升级(?:款|版)?|高端|高配|(?:值得|值不值得?)(?:多花|加钱|升级|贵)|多花(?:点)?钱|加(?:点)?钱(?:的话|能)|贵(?:的|那)?.{0,6}值(?:得|不值|吗)",
    )),
    ("similar", (
        r"\bsimilar\b|\balternatives?\b|\bsame (?:kind|type|style|sort)\b|\b(?:anything|something|ones?|more|others?|products?|things|stuff) like (?:this|that|it|these|those|the (?:first|second|third|fourth|fifth|last|one|other|cheaper))\b|(?<!i )(?<!i really )(?<!don't )(?<!i do )\blike (?:this|that|it|the (?:first|second|third|last)(?: one)?)\b|\bresembl\w+|\bsubstitutes?\b|\breplacements? for\b|\binstead of (?:this|that|it|the (?:first|second|third|last|one))\b|\bequivalents?\b",
        r"类似|相似|相近|同类|替代(?:品)?|代替|平替|(?:像|和|跟|与)(?:这|它|那|第|刚才).{0,8}(?:一样|差不多|类似|像|似)|同款|差不多的(?:款|产品|东西|还)|差不多款",
    )),
    ("more", (
        r"\b(?:show|give|see|get|list|display|load|find|view)(?: me| us)?(?: some| any| a few| \d| two| three)? (?:more|others?|another(?: one)?|other (?:ones|options|choices|results|products))\b(?! (?:expensive|about|details?|info\w*|reviews?|than|affordable|durable|advanced|premium|like))|\bmore (?:options|results|choices|suggestions|please|of (?:them|these|those))\b|^\W*(?:any |some |and |ok(?:ay)?,? )*(?:more|next|others?|another(?: one)?|anything else|what else(?: do you have| have you got| is there| you got)?|something else|else)\W*(?:please)?\W*$|\bwhat else (?:do you have|have you got|is there|can you show)\b|\b(?:something|anything) (?:else|different)\b(?! (?:i|to|for|that))|\bdifferent ones?\b|\bother (?:options|ones|choices|results|suggestions|ideas)\b|\bnone of (?:these|those|them)\b|\bnext page\b|\bkeep going\b|\bi don'?t like (?:any of )?(?:these|those|them)\b|\bany others?\b|\bdo you have (?:any )?(?:more|others)\b|\bthe rest\b",
        rf"还有(?:别的|其他的?|其它的?|更多|没有(?:别的|其他)?)?(?:吗|么|呢|\?|$|款|选择|的)|(?:有没有|有|要|看|看看|来|给我看|给我|推荐)(?:点|些|几个)?(?:别的|其他的?|其它的?|更多的?)(?:吗|么|款|选择|推荐|$|,)?|换(?:一批|一换|几{_ZU}|一{_ZU}|别的|点别的|个|一些|一组|其他)(?!.)|^(?:更多|别的|其他的?|其它的?|下一页|下一批|继续|再来)(?:吗|呢)?$|(?:再|多)(?:来|给|看|推荐|找|列)(?:我)?(?:看)?(?:几{_ZU}|一些|点|一批|两{_ZU}|些|一{_ZU})(?!便宜)|^(?:我)?(?:都)?不(?:太)?喜欢[。.!]*$|(?:这些|这几个|都)(?:我)?(?:都)?(?:不喜欢|不满意|不行|不合适|不好)|^换(?:一)?(?:批|个|换)",
    )),
    ("deals", (
        r"\b(?:any|what|which|are there|do you have|have you(?: got)?|got|show(?: me)?|see|find(?: me)?|current|latest|today'?s|your|the) (?:\w+ ){0,2}?(?:deals?|discounts?|offers|promotions?|promos?|coupons?|vouchers?|special offers?|bargains?)\b|\b(?:on sale|on offer|marked down|discounted|on promotion)\b|^\W*(?:deals?|discounts?|offers|promotions?|bargains?|sale)\W*$",
        r"(?:有|看看?|查查?|推荐)(?:没有|什么|啥|哪些|些|一下)*(?:优惠|折扣|活动|打折|促销|特价|减价)|(?:优惠|打折|促销|特价|折扣|减价)(?:的|商品|活动|吗|有哪些|有吗|信息)|在打折|搞活动",
    )),
    ("count", (
        r"\bhow many\b(?! (?:people|persons|adults|kids|sleepers|men|litres?|liters?|grams?|kilos?|kg|lumens?|hours?|days?|nights?|pockets?|seasons?|stars?|reviews?|ratings?|colou?rs?|sizes?|units?|pieces?|mah|watts?|of (?:them|these|those|it)|are (?:left|in stock)|(?:can|do|will|does|did|could) (?:it|they|this|that|i) ))|\bnumber of\b(?! (?:people|persons|reviews|stars|pockets))|\bcount (?:of|the|all|your|how)\b|\bhow (?:large|big) is (?:your|the) (?:selection|range|choice)\b",
        rf"(?:有|卖|一共有?|总共有?|共有?)(?:多少|几)(?:{_ZU}|种类|类)?(?!钱|人|克|升|斤|星|分|颗|条评|个评|条差|条好|个人|评|季|流|毫)|多少(?:{_ZU}|种)(?!评|差|好评)|(?<![这那前后])几(?:款|种)(?=.{{0,12}}$)(?!人)|数量(?:是|有)?多少",
    )),
    ("ask", (
        r"\bwhat (?:do|did|are|have) (?:the |other |most )?(?:people|reviewers?|customers?|others?|buyers|users|owners|reviews?|shoppers|they|everyone) (?:say|said|saying|think|thought|complain|like|dislike|mention|write|written)\b|\b(?:what|how) (?:are|is) the reviews?\b|\breviews? (?:of|for|about|on|say|mention)\b|\b(?:any|what|common) (?:complaints?|problems?|issues?|drawbacks?|downsides?|weaknesses|cons|negative reviews?|bad reviews?)\b|\btell me (?:more |something |everything |a bit )?(?:about|on)\b|\bmore (?:about|details?|info\w*)\b|\bdetails? (?:of|about|on|for)\b|\bspec(?:s|ification|ifications)\b|\bhow (?:much does|much do|much is|much are|big|heavy|long|warm|wide|tall|high|deep|thick|small|light|waterproof|durable|good|loud|bright|strong|many|comfortable|reliable|does|do (?:i|you)|is|are|can|quickly|fast|old|often|well|sturdy|hot|cold|large|expensive)\b|\bwhat \w+ (?:does|do|is|are|has) (?:it|they|this|that|the)\b|\bwhat (?:is|are|'s|does|do|kind of|material|colou?rs?|size|sizes|weight|brand|fuel|battery|temperature)\b|\bwhat'?s\b|\bwhere (?:is|are|do|can|does)\b|\bwhen (?:will|can|do|does|is)\b|\bwho (?:makes|made|is)\b|\b(?:return|refund|shipping|delivery|warranty|exchange) (?:policy|policies|costs?|fees?|times?|period)\b|\b(?:do|can|will|would) you (?:ship|deliver|send|accept|gift ?wrap|price match|give refunds?|offer (?:free|discounts?|refunds?|returns?|warrant\w+|student|gift|delivery|shipping))\b|\b(?:is there|are there|do you (?:have|give)|any) (?:a |an |any )?(?:warrant(?:y|ies)|guarantees?)\b|\b(?:free|next day|express) (?:shipping|delivery|returns)\b|\b(?:any|current|got a|have a|is there a|are there any) (?:discounts?|coupons?|promo\w*|offers?|deals?|vouchers?|sales?)\b|\bwhat about (?:the |its |it|this|that|delivery|shipping|warranty|returns)|\bwhich brand\b|\bcan you (?:explain|describe|tell me)\b|\bwhy (?:is|are) (?:it|this|that|they|these|the \w+(?: \w+)?) (?:so|too|that)\b|\bdescribe\b|\bmoney back\b|\b(?:cancel|delete|change|track|where(?:'s| is)|about) my order\b|\bi want to (?:complain|return)\b|\bare you (?:open|closed)\b|\b(?:opening|store|shop) hours\b|\bwrong with\b",
        r"(?:大家|别人|买家|用户|顾客|评论|评价|人们|其他人|买过的人|网友)(?:里|中|们)?(?:都|对|是)?.{0,12}(?:怎么说|怎么看|怎么样|说什么|怎么评价|评价如何|说了什么|反映|觉得|认为|吐槽|有什么说)|怎么样|如何(?!搭)|好不好|好用吗|有没有(?:货|现货|库存)|会不会|能不能(?!便宜|给|推荐|看|找|再)|是不是|可不可以(?!便宜|给|推荐|看)|多(?:重|大|长|高|宽|深|厚|少钱|久|亮|暖|贵|结实)|几斤|几个?人(?:用|睡|住|的)?(?:吗|\?|$)|评价|评论|差评|好评(?!.{0,3}(?:的|最))|口碑|介绍(?:一下|下)?(?:它|这|那|第|一下)|(?:讲|说|聊)(?:讲|说|聊)?(?:一下)?(?:它|这|那|第)|详情|详细|参数|规格|(?:退货|退款|换货|配送|发货|运费|保修|质保|售后|快递|包邮|优惠|折扣|打折|优惠券|促销)(?:政策|吗|怎么|如何|多少|要|是|有|券|活动|几天|多久|\?|$)?|(?:送货|发货|配送|快递|到货|退货|退换|换货|退款|保修|付款|支付|发票|运费|包邮)|我的订单|投诉|营业时间|(?:什么|啥)(?:材质|材料|颜色|尺寸|牌子|做的|面料|燃料|型号|时候)|为什么(?:这么|那么|这样)(?:贵|便宜)|(?:有什么|有啥|有哪些)(?:缺点|优点|问题|毛病|不足|颜色|尺寸|尺码)|缺点|优缺点|哪里(?:产|生产|有)",
    )),
    ("aux", (
        rf"^\W*{_WELL}(?:is|are|was|does|do|did|can|could|will|would|has|have|had|should|isn'?t|aren'?t|doesn'?t|won'?t|can'?t)\b(?! (?:you|u|there|i (?:please )?(?:get|see|have|buy|find)|we|the (?:shop|store)|me)\b)",
        r"(?:[吗嘛]|(?<![什怎那这多])么)(?:\W|\x1f)*$|[\u3400-\u9fff]\?$|(?:能|可以|会|是|行|要|好|用)(?:不|没)(?:能|可以|会|是|行|要|好|用)",
    )),
    ("no_thanks", (
        r"\bno,? ?(?:thanks|thank you|thx)\b|^\W*(?:no+|nope|nah|not now|not today|not interested|not really)\W*$|\b(?:i'?m|im|we'?re) (?:good|fine|ok(?:ay)?|all set|done|not interested)(?: thanks| thank you| now)?\W*$|\bthat(?:'s| is|'ll be| will be) (?:all|it|enough|everything)\b|^\W*nothing (?:else|more)\b|\bi don'?t (?:need|want) (?:anything|any(?: of (?:these|those|them))?|it|that|this|these|those|them|more|to buy)(?: else| more| now| any ?more)?\W*$|\bmaybe later\b|\bnot for me\b|\bnot right now\b|\bi'?ll (?:think about it|pass)\b|\bno more suggestions\b|^\W*(?:ok(?:ay)?,? |then |well,? |that's a pity,? )*(?:never ?mind|forget (?:it|that)|leave it|skip (?:it|that|those|these))(?: then| thanks?| thank you)*\W*(?:,? ?thank(?:s| you))?\W*$|\bi(?:'ll| will)? (?:just )?(?:leave|skip|pass on) (?:it|that|those|these|them)\b|\bi (?:won'?t|will not|don'?t want to) (?:buy|take|get) (?:anything|it|any|these|those)\b|\b(?:i'?m |i am )?fine without\b|\bnot interested\b|\bi don'?t need (?:any of )?(?:these|those|them|that|it|any)\b|\bstop (?:suggesting|recommending)\b|\bno need\b",
        r"^(?:不|不了|不要|不用|不必|没有|没了|算了|不是)(?:了|吧|啦|,?谢谢.*)?[。.!,~ ]*$|不用了|不要了|不需要(?:了|$|,|。|谢)|^(?:好吧|那|唉|好),?(?:就)?(?:算了|不用了|不买了|不要了)|不必了|算了|没兴趣|不感兴趣|就这些|就这样|先这样|暂时不(?:用|要|需要|买)|不买了|不了,?谢谢|没别的了|不用谢谢|我(?:再)?想想|下次再说|别推荐了|不要再推荐",
    )),
    ("thanks", (
        r"^\W*(?:ok(?:ay)?,? |great,? |perfect,? |awesome,? |cool,? |super,? |oh,? |many |nice,? |excellent,? |lovely,? )*(?:thanks?|thank you|thx|ty|cheers|much appreciated|appreciate it)\b(?:[,.!]* (?:a lot|so much|very much|you|bye|goodbye|for (?:your|the|all(?: your)?) (?:help|advice|tips?|suggestions?)|for helping|again|bye|a bunch|man|mate))*\W*$|^\W*(?:great|perfect|awesome|cool|super|excellent|lovely|wonderful|brilliant|nice)(?: stuff| job| work| one)?\W*$|^\W*(?:bye|goodbye|see you|have a (?:nice|good) day)\W*$|\bthanks?(?: you)?(?: (?:a lot|so much|very much))\b",
        r"谢谢|多谢|感谢|谢啦|谢了|太好了|太棒了|辛苦了|^再见|拜拜|^(?:很好|不错|完美|棒)[。.!,~ ]*$",
    )),
    ("greeting", (
        r"^\W*(?:hi|hello|hey|hiya|howdy|yo|greetings|good (?:morning|afternoon|evening|day))\b(?: (?:there|everyone|all|again|whycart|assistant|bot|you))?(?:,? how are you(?: doing)?(?: today)?)?|^\W*how are you\b|\b(?:what can you do|how (?:do you|does (?:this|it)) work|who are you|what are you|are you (?:a )?(?:bot|robot|human|real|ai|machine|chatgpt)|how can you help(?: me)?|what is this)\b|^\W*help(?: me)?\W*$",
        r"^(?:你好|您好|嗨|哈喽|哈罗|嘿|喂|早(?!餐|饭|点|茶|期|教|晚|就)|早上好|上午好|中午好|下午好|晚上好|大家好|在吗|在么|在不在|有人吗)(?:啊|呀|吗|!|,|。|~)*|你是谁|你是(?:不是)?(?:机器人|真人|人工智能|ai)|你(?:能|会|可以)(?:做|干|帮)(?:我)?(?:些)?(?:什么|啥|做什么)|怎么用你|^帮助$|^怎么用$|你叫什么",
    )),
)  # fmt: skip

PATTERNS: dict[Act, re.Pattern[str]] = {
    act: re.compile("|".join(f"(?:{p})" for p in phrases)) for act, phrases in _PHRASES
}
CLEAR_ALL = re.compile(
    r"\b(?:start (?:over|again|from scratch|fresh)|reset(?: (?:everything|all|filters?|the filters?|search|the search))?|clear (?:all )?(?:the |my )?(?:filters?|constraints?|criteria|search)|remove all (?:the )?(?:filters?|constraints?|criteria)|no (?:filters?|restrictions)|new search|forget (?:all that|that|everything(?: i said)?|what i said))\b|重新开始|从头(?:开始|来)|重来|清除(?:所有|全部)?(?:条件|筛选|过滤|限制)|(?:取消|去掉|清空)(?:所有|全部)?(?:条件|筛选|过滤|限制)|忘(?:掉|了|记)我(?:刚才|之前|前面)?说的"
)
"""Phrases that drop every constraint."""


def find_acts(low: str) -> dict[Act, re.Match[str]]:
    """Return every act that folded text holds, with its first match."""
    return {act: m for act, pattern in PATTERNS.items() if (m := pattern.search(low))}
