"""General shopping words as data: nothing here is about one shop.

Chinese is written in simplified characters; `SIMPLIFIED` folds the traditional forms of the
characters that these tables use. To teach a new word, add it to its table and to the tests.
"""

# ruff: noqa: E501, SIM905
# Tables: a long row reads better than a broken one.

from __future__ import annotations

SIMPLIFIED = str.maketrans(
    "帳預買賣錢個麼嗎這還沒給種類較貴價標劃銷購車搭組裝備門電燈襪褲鞋連單雙條張頂隻瓶會員險記錄個資訊"
    "顏輕評論說問題樣適營爐鍋點對運動務聯繫轉謝讓為幹嘛過後應該選擇幾號萬無糖麵堅蘋氣戶風溫頭燒飯鬆緊",
    "帐预买卖钱个么吗这还没给种类较贵价标划销购车搭组装备门电灯袜裤鞋连单双条张顶只瓶会员险记录个资讯"
    "颜轻评论说问题样适营炉锅点对运动务联系转谢让为干嘛过后应该选择几号万无糖面坚苹气户风温头烧饭松紧",
)

# --- words that carry no wish -------------------------------------------------------------------

FILLER_EN = (
    r"(?:can|could|would|will) you (?:please )?(?:show|find|get|give|recommend|suggest|help)(?: me)?"
    r"(?: with| to find| find)?",
    r"(?:i'?m|i am|we'?re|we are) (?:currently |just |really )?(?:looking|searching|shopping|hunting)"
    r" (?:for|to (?:buy|get))",
    r"(?:i|we)(?:'d| would)? (?:really |just |also |still )*(?:want|need|like|love|require)"
    r"(?: to (?:buy|get|see|find|have|order))?",
    r"(?:i'?m|i am|we'?re|we are) (?:in need of|after|interested in|thinking (?:of|about)|going to"
    r" (?:buy|get))",
    r"(?:do|does|have) (?:you|you guys|the (?:shop|store)|it) (?:got|have|sell|stock|carry|offer)",
    r"have you got", r"(?:are|is) there", r"you (?:have|sell|got)(?= |$)", r"(?:show|find|get|give|bring|recommend|suggest|search|browse)"
    r"(?: me| us)?(?: for| to me)?(?= |$)", r"looking (?:for|to (?:buy|get))", r"look for", r"search for",
    r"(?:what|which) (?:kind|sort|type)s? of", r"what about", r"how about", r"(?:what|that|there|who)'?s(?: the| a| your)?(?= |$)", r"(?:i )?(?:have |'ve )?no idea(?: what)?", r"(?:i'?m )?not sure(?: what| which)?", r"let'?s see", r"let me see",
    r"what (?:do you (?:have|recommend|suggest)|would you (?:recommend|suggest)|should i (?:buy|get))",
    r"(?:i'?d|i would) prefer", r"i prefer", r"preferably", r"ideally", r"something(?: like)?(?: that'?s)?", r"anything(?: that'?s)?",
    r"help me(?: to)?(?: find| choose| pick| buy)?", r"please", r"pls", r"thanks", r"thank you",
    r"(?:can|could|may) i (?:please )?(?:get|see|have|buy|find)", r"a (?:pair|piece|set|couple|few|bit) of",
    r"\ba lot of\b", r"(?:hi|hello|hey)(?: there)?", r"good (?:morning|afternoon|evening)",
    r"(?:do|would) you know", r"maybe", r"perhaps", r"some kind of", r"^(?:ok(?:ay)?|well|so|um+|uh|hmm+|oh|yes|yeah|yep|sure|right|great|nice|cool|and|but|also|then|now)(?=[ ,]|$)",
    r"(?:in|from|at|of) (?:the|your|this|my) (?:whole |entire )?(?:shop|store|catalogue|catalog|site|range)",
    r"for sale", r"at the moment", r"right now", r"(?:cost|costs|costing|priced|price|prices)(?= |$)",
    r"(?:that|which|and) (?:is|are|costs?|has|have|comes?|i can (?:afford|buy))(?= |$)", r"instead", r"actually",
    r"it should be", r"(?:it )?(?:must|has to|should|needs to) be", r"options?", r"choices", r"my budget(?: is)?",
    r"(?:it|they|that)'?s? for(?= )", r"the best", r"\bgood\b", r"\bnice\b", r"\bdecent\b", r"\bgreat\b",
    r"can only spend", r"(?:i|we)(?: only| just)? have(?= |$)", r"just", r"only", r"really", r"then", r"again", r"too",
    r"nothing (?:too|very) (?:cheap|expensive|fancy)", r"(?:it'?s |as )?(?:a |the )?(?:birthday |christmas )?(?:gift|present)s?(?: ideas?)?(?= |$)", r"(?:i(?:'ve)? )?made a mistake", r"(?:i'm |so )?sorry", r"^wait", r"(?:i )?(?:have |'ve )?changed my mind", r"i mean(?:t)?", r"what if", r"as well", r"as possible", r"for me", r"ones?\b",
)  # fmt: skip
"""Patterns blanked out of a wish, longest first where they overlap."""

FILLER_ZH = (
    r"(?:我|我们|俺)?(?:还|就|也|现在|其实|真的)?(?:想要|想买|想找|想看|想|要买|需要|要找|要|正在找|在找|打算买|准备买|求)"
    r"(?:一下|看看|看|买|找|找找)?",
    r"(?:可以|能|能不能|可不可以|麻烦|请|帮忙|帮我|帮|给我|给|为我|替我)+(?:推荐|找|看|介绍|挑|选|搜|查)?(?:一下|下|看看)?",
    r"(?:推荐|介绍|看看|找找|找|搜索|搜|查找|挑|选|来|买)(?:一下|下|给我)?", r"你们?(?:这里|这|店里|家)?(?:还)?(?:有没有|有|卖|有卖)?",
    r"(?:有没有|有什么|有啥|有哪些|有)", r"(?:什么|啥|哪些|哪种|哪个|哪款)(?:样的)?(?:好|比较好|值得买)?", r"(?:一|几|两)?(?:款|个|种|件|些|双|条|顶|只|把|台|副|点|样)(?:的)?",
    r"还?有没有", r"换成|换个|换一?款|再加|数量", r"好用(?:的|点)?", r"(?:比较|稍微|尽量|最好|好一点|好点|合适|不错|好)(?:的|是)?", r"(?:适合|用来|用于)", r"(?:价格|价钱|售价|价位|预算)(?:在|是|为)?", r"(?:东西|商品|产品|货)",
    r"[吗么呢吧啊呀哦嘛哈了]+(?=$|[,.!? \x1f])", r"谢谢", r"你好", r"您好", r"(?:那|那么|还是|就|也|再|另外|然后|其实|不过|但是|但|而且|并且|和|以及|或者)(?=[\x1f, ]|$)",
    r"^(?:那|那么|嗯|哦|好的|好|行|可以|还有|另外|然后|其实|不过|但是|但)", r"(?:当|做|作为)?(?:生日)?礼物", r"我?(?:刚才|刚刚)?(?:说|打|写|看)错了", r"^不对", r"(?:的话|左右)", r"可以(?=$)", r"(?:是|为)(?=\x1f)",
)  # fmt: skip

STOP = frozenset(
    "a an the any some of for in on at to by from with without and or nor but that which who is"
    " are was be been i me my mine we us our you your it its this these those they them he she"
    " his her what how if than then please thanks do does did have has had can could would"
    " should will shall may might as so too also not no just only very really more most less"
    " least all both each every one ones other others another such there here when where why up"
    " down out off over under about into onto between around".split()
)
"""English words that are no wish on their own."""

LEFTOVER_ENDS = frozenset(
    "a an the any some of for in on at to by from with and or nor but that which is are be as"
    " so too also my your me i we you it this these those them there not no under over about"
    " than at around between please make thing things item items product products stuff one ones"
    " do does can until per each everything all".split()
)
"""Dropped at both ends of a wish."""

ZH_STOP = frozenset(
    "的了吗么呢吧啊呀哦嘛和与或及跟在里是要有到给对于就都也还又最更多好怎哪比可能会省便贵,.!?;: "
)
"""Characters that may follow a noun without being its head."""

GENERIC_HEADS = frozenset(
    "accessory gear equipment other supply set kit item product thing misc miscellaneous more"
    " sale new essential basic food part care clothing apparel collection stuff department all"
    " general assorted good line".split()
)
"""Last words of category names that name no thing ("Camping Accessories")."""
GENERIC_HEADS_ZH = frozenset({"用品", "装备", "配件", "产品", "系列", "其他", "设备", "工具", "食品", "服装", "护理", "套装", "部件"})  # fmt: skip

VAGUE_VALUES = frozenset(
    "yes no none other standard regular all any mixed various large small medium high low new"
    " set n a one two both true false light size normal default basic full is it to in on up of"
    " no".split()
)
"""Values that say nothing without their attribute's name."""

# --- the same thing under another name ----------------------------------------------------------

NO_CATEGORY = frozenset({"防水", "防风", "保暖", "防雨", "防潮"})
"""Properties: half of a category's name ("护理与防水") that must not stand for the category."""

SYNONYMS = (
    ("backpack", "rucksack", "pack", "knapsack"), ("daypack", "day pack"), ("headlamp", "head torch", "headlight", "head lamp"),
    ("flashlight", "torch"), ("stove", "cooker", "burner"), ("sleeping pad", "sleeping mat", "mat", "camping mat", "mattress"),
    ("trousers", "pants", "trouser", "pant"), ("sweater", "jumper", "pullover"), ("sneakers", "trainers", "sneaker", "trainer"),
    ("boots", "boot", "hiking boots", "walking boots"), ("bicycle", "bike"), ("tv", "television"), ("mobile", "phone", "cell phone", "smartphone"),
    ("laptop", "notebook"), ("sofa", "couch"), ("tee", "t shirt", "tshirt"), ("cap", "baseball cap"), ("waterproof jacket", "rain jacket", "raincoat"),
    ("hoodie", "hooded sweatshirt"), ("water bottle", "drinking bottle", "canteen"), ("cooler", "cool box", "ice box"),
    ("trekking pole", "walking pole", "hiking pole", "walking stick"), ("sunglasses", "shades"), ("underwear", "base layer"),
    ("soda", "soft drink", "pop"), ("cookie", "biscuit"), ("chips", "crisps"), ("candy", "sweets", "sweet"), ("diaper", "nappy"),
    ("shopping bag", "tote"), ("grey", "gray"), ("colour", "color"), ("tarp", "tarpaulin"), ("cookware", "cook set", "cookset", "pots and pans"),
    ("lantern", "camping light"), ("power bank", "portable charger", "battery pack"), ("down jacket", "puffer", "puffer jacket", "puffy"),
)  # fmt: skip
"""Each row: names of one thing, in general English."""

ZH_WORDS = {
    # outdoors
    "帐篷": "tent", "天幕": "tarp", "睡袋": "sleeping bag", "睡垫": "sleeping pad", "防潮垫": "sleeping pad", "充气垫": "sleeping pad",
    "地布": "footprint", "地席": "footprint", "地钉": "peg", "枕头": "pillow", "吊床": "hammock", "炉子": "stove", "炉具": "stove", "炉头": "stove", "气炉": "stove", "炉": "stove",
    "气罐": "gas canister", "燃料": "fuel", "锅": "pot", "锅具": "cookware", "套锅": "cookware", "炊具": "cookware", "餐具": "cutlery", "杯子": "mug", "水杯": "mug", "杯": "mug",
    "水壶": "water bottle", "水瓶": "water bottle", "水袋": "hydration bladder", "滤水器": "water filter", "净水器": "water filter", "保温杯": "flask", "保温瓶": "flask",
    "背包": "backpack", "登山包": "backpack", "双肩包": "backpack", "腰包": "waist pack", "日用包": "daypack", "小背包": "daypack", "防水袋": "dry bag", "背包罩": "rain cover", "防雨罩": "rain cover",
    "头灯": "headlamp", "手电筒": "flashlight", "手电": "flashlight", "营灯": "lantern", "露营灯": "lantern", "灯": "light", "充电宝": "power bank", "移动电源": "power bank",
    "登山杖": "trekking pole", "手杖": "trekking pole", "雪鞋": "snowshoe", "冰爪": "crampon", "头盔": "helmet", "安全带": "harness", "绳子": "rope", "绳索": "rope", "快挂": "quickdraw", "主锁": "carabiner", "扣": "carabiner",
    "指南针": "compass", "地图": "map", "手表": "watch", "急救包": "first aid kit", "刀": "knife", "小刀": "knife", "多功能刀": "multitool", "钳": "multitool", "望远镜": "binoculars", "太阳镜": "sunglasses", "墨镜": "sunglasses",
    "椅子": "chair", "折叠椅": "chair", "桌子": "table", "折叠桌": "table", "冷藏箱": "cooler", "保温箱": "cooler", "冰箱": "cooler", "毛巾": "towel", "防晒霜": "sunscreen", "驱蚊": "insect repellent", "雨伞": "umbrella", "伞": "umbrella",
    # clothing
    "冲锋衣": "rain jacket", "雨衣": "rain jacket", "外套": "jacket", "夹克": "jacket", "羽绒服": "down jacket", "抓绒衣": "fleece", "抓绒": "fleece", "卫衣": "hoodie", "毛衣": "sweater", "衬衫": "shirt", "衬衣": "shirt", "上衣": "top", "t恤": "t-shirt",
    "裤子": "trousers", "长裤": "trousers", "短裤": "shorts", "裙子": "skirt", "内衣": "base layer", "打底": "base layer", "背心": "vest", "马甲": "vest", "袜子": "socks", "袜": "socks", "手套": "gloves", "帽子": "hat", "帽": "hat", "毛线帽": "beanie", "围巾": "scarf", "头巾": "neck gaiter", "腰带": "belt", "皮带": "belt",
    "鞋": "shoes", "鞋子": "shoes", "靴子": "boots", "靴": "boots", "登山靴": "hiking boots", "登山鞋": "hiking boots", "徒步鞋": "hiking shoes", "跑鞋": "running shoes", "越野跑鞋": "trail running shoes", "凉鞋": "sandals", "拖鞋": "slippers", "绑腿": "gaiters", "雪套": "gaiters", "运动鞋": "sneakers",
    # groceries
    "牛奶": "milk", "奶酪": "cheese", "酸奶": "yogurt", "黄油": "butter", "鸡蛋": "eggs", "面包": "bread", "米": "rice", "大米": "rice", "面条": "noodles", "意面": "pasta", "面粉": "flour", "糖": "sugar", "盐": "salt", "油": "oil", "咖啡": "coffee", "茶": "tea", "果汁": "juice", "啤酒": "beer", "红酒": "wine", "葡萄酒": "wine", "水": "water", "饮料": "drink", "汽水": "soda",
    "水果": "fruit", "苹果": "apple", "香蕉": "banana", "蔬菜": "vegetables", "土豆": "potato", "番茄": "tomato", "洋葱": "onion", "肉": "meat", "牛肉": "beef", "猪肉": "pork", "鸡肉": "chicken", "鱼": "fish", "零食": "snack", "饼干": "cookies", "巧克力": "chocolate", "糖果": "candy", "冰淇淋": "ice cream", "麦片": "cereal", "坚果": "nuts", "花生": "peanuts", "罐头": "canned food", "汤": "soup", "酱": "sauce", "蜂蜜": "honey",
    "洗衣液": "laundry detergent", "肥皂": "soap", "洗发水": "shampoo", "牙膏": "toothpaste", "牙刷": "toothbrush", "纸巾": "paper towels", "卫生纸": "toilet paper", "尿布": "diapers", "狗粮": "dog food", "猫粮": "cat food", "麸质": "gluten", "乳糖": "lactose", "乳制品": "dairy", "酒精": "alcohol",
    # home, office, technology
    "笔记本电脑": "laptop", "电脑": "computer", "手机": "phone", "耳机": "headphones", "相机": "camera", "电视": "tv", "显示器": "monitor", "键盘": "keyboard", "鼠标": "mouse", "打印机": "printer", "电池": "battery", "充电器": "charger", "笔": "pen", "本子": "notebook", "纸": "paper", "书": "book", "沙发": "sofa", "床": "bed", "床垫": "mattress", "毯子": "blanket", "地毯": "rug", "自行车": "bike", "玩具": "toy", "包": "bag", "箱子": "suitcase", "行李箱": "suitcase", "香水": "perfume", "口红": "lipstick",
    # colours
    "红色": "red", "红": "red", "蓝色": "blue", "蓝": "blue", "绿色": "green", "绿": "green", "黄色": "yellow", "黄": "yellow", "黑色": "black", "黑": "black", "白色": "white", "白": "white", "灰色": "grey", "灰": "grey", "橙色": "orange", "橘色": "orange", "紫色": "purple", "粉色": "pink", "粉红色": "pink", "棕色": "brown", "褐色": "brown", "卡其色": "khaki", "米色": "beige", "军绿色": "olive", "深蓝色": "navy", "藏青色": "navy",
    # materials and properties
    "皮革": "leather", "真皮": "leather", "皮质": "leather", "皮": "leather", "尼龙": "nylon", "涤纶": "polyester", "聚酯": "polyester", "聚酯纤维": "polyester", "棉": "cotton", "纯棉": "cotton", "羊毛": "wool", "美利奴": "merino", "羽绒": "down", "鸭绒": "down", "鹅绒": "down", "合成": "synthetic", "化纤": "synthetic", "钢": "steel", "不锈钢": "stainless steel", "铝": "aluminium", "铝合金": "aluminium", "钛": "titanium", "碳纤维": "carbon", "塑料": "plastic", "木": "wood", "木头": "wood", "丝绸": "silk", "亚麻": "linen", "帆布": "canvas", "橡胶": "rubber", "硅胶": "silicone", "麂皮": "suede", "绒": "fleece", "毛皮": "fur", "皮草": "fur",
    "防水": "waterproof", "防风": "windproof", "保暖": "warm", "透气": "breathable", "轻便": "lightweight", "轻量": "lightweight", "超轻": "ultralight", "折叠": "folding", "充电": "rechargeable", "男": "men", "男士": "men", "男款": "men", "女": "women", "女士": "women", "女款": "women", "儿童": "kids", "有机": "organic", "无糖": "sugar free", "素食": "vegan",
    "四季": "4-season", "三季": "3-season",
}  # fmt: skip
"""General Chinese words in plain English, for shops that speak no Chinese."""

COLOUR_ATTRIBUTES = frozenset({"colour", "color", "颜色", "色"})
"""Attribute names whose values are excluded by attribute rather than as words anywhere."""

FREE_OF = frozenset(
    "leather nut peanut gluten lactose dairy sugar fur wool down nylon plastic alcohol meat egg"
    " soy wheat milk palm fragrance silk latex rubber polyester cotton".split()
)
"""X of "X-free" that shoppers mean as "without X"; other X-free stay wishes (hands-free, BPA-free)."""

# --- measures -----------------------------------------------------------------------------------

UNITS = {
    "person": (r"persons?|people|man|men|p|sleepers?|adults?", "个?人"),
    "season": (r"seasons?", "季"),
    "l": (r"l|lt|ltr|lit(?:er|re)s?", "升"),
    "ml": (r"ml|millilit(?:er|re)s?", "毫升"),
    "kg": (r"kgs?|kilos?|kilograms?", "公斤|千克"),
    "g": (r"g|gr|grams?|grammes?", "克"),
    "lb": (r"lbs?|pounds? (?:of )?weight", "磅"),
    "oz": (r"oz|ounces?", "盎司"),
    "mm": (r"mm|millimet(?:er|re)s?", "毫米"),
    "cm": (r"cm|centimet(?:er|re)s?", "厘米|公分"),
    "m": (r"m|met(?:er|re)s?", "米"),
    "km": (r"km|kilomet(?:er|re)s?", "公里"),
    "inch": (r"inch(?:es)?|\"", "英寸|寸"),
    "ft": (r"ft|feet|foot", "英尺"),
    "lumen": (r"lm|lumens?", "流明"),
    "mah": (r"mah", "毫安时?"),
    "w": (r"w|watts?", "瓦"),
    "wh": (r"wh", "瓦时"),
    "v": (r"v|volts?", "伏"),
    "h": (r"h|hrs?|hours?", "小时"),
    "c": (r"°\s?c|degrees?(?: c(?:elsius)?)?|celsius", "度|摄氏度"),
    "gb": (r"gb|gigabytes?", "g内存"),
    "d": (r"d|denier", "旦"),
    "fill": (r"fp|fill(?:[- ]power)?|cuin", "蓬"),
    "day": (r"days?|nights?", "天|日|晚"),
    "week": (r"weeks?", "周"),
    "year": (r"years?|yrs?|year[- ]olds?", "年|岁"),
    "pocket": (r"pockets?|compartments?", "个口袋"),
    "percent": (r"%|percent", "折"),
}
"""Unit → English pattern and Chinese pattern. A number with a unit is never a price."""

UNIT_ATTRIBUTES = {
    "person": ("person", "people", "capacity", "sleeps", "berth", "人数"),
    "season": ("season", "季节"),
    "l": ("volume", "capacity", "liter", "litre", "容量"),
    "kg": ("weight",), "g": ("weight",), "lumen": ("lumen", "brightness"), "cm": ("length", "size"),
    "mah": ("battery", "capacity"), "fill": ("fill",), "inch": ("size", "screen", "length"),
}  # fmt: skip
"""Unit → words in the names of attributes whose bare numbers are in it (`persons`: "2")."""

# --- what products are compared by --------------------------------------------------------------

CONCEPTS = {
    "weight": (r"weigh(?:s|t|ing)?|heavy|heavier|heaviest|light(?:er|est)|how light|轻|重(?!要)|重量|多重|几斤", ("weight", "mass")),
    "capacity": (r"capacity|volume|how much (?:does|will|can) (?:it|they|this) (?:hold|carry|fit)|roomy|roomi(?:er|est)|容量|容积|装多少|能装", ("volume", "capacity", "litre", "liter")),
    "persons": (r"how many (?:people|persons|sleepers|adults)|sleeps?|几个?人|多少人|住几人", ("person", "people", "capacity", "sleep", "berth")),
    "size": (r"sizes?|dimensions?|measurements?|how (?:big|large|tall|wide|long|small|high|deep|thick)|big(?:ger|gest)|small(?:er|est)|larg(?:er|est)|long(?:er|est)|尺寸|大小|尺码|多大|多长|多高|多宽|长度|大一?[点些号]|小一?[点些号]|最大|最小", ("size", "dimension", "length", "height", "width", "packed")),
    "waterproof": (r"water[- ]?(?:proof|resist\w*|tight|column)|rain[- ]?proof|防水|防雨|下雨|雨天", ("waterproof", "water", "hydrostatic", "防水")),
    "warmth": (r"warm(?:th|er|est)?|temperature|cold|insulat\w+|comfort (?:rating|limit)|degrees|保暖|温标|温度|暖和|冷|御寒", ("temperature", "temp", "comfort", "warmth", "insulation", "fill power")),
    "material": (r"made (?:of|from|out of)|materials?|fabric|leather|cotton|nylon|polyester|材质|材料|面料|什么做的|皮的", ("material", "fabric", "shell", "upper")),
    "colour": (r"colou?rs?|颜色|什么色|色的", ("colour", "color")),
    "season": (r"seasons?|winter|summer|季节?|冬天|夏天|四季", ("season",)),
    "battery": (r"batter(?:y|ies)|run ?time|how long (?:does|will) (?:it|the battery) last|续航|电池|充电", ("battery", "run time", "runtime", "charge")),
    "brightness": (r"bright(?:ness|er|est)?|lumens?|亮度|流明|多亮|亮", ("lumen", "brightness", "output")),
    "power": (r"power(?:ful)?|watts?|功率|瓦", ("power", "watt", "output")),
    "fuel": (r"fuel|gas|canister|cartridge|燃料|气罐", ("fuel", "gas", "canister")),
    "gender": (r"for (?:men|women|unisex)|男女|男款|女款", ("gender", "sex")),
    "price": (r"how much (?:is|are|does (?:it|this|that|the \w+) cost|do (?:they|these) cost|for)|price|costs?|expensive|cheap(?:er|est)?|多少钱|价格|价钱|贵|便宜|几块钱", ()),
    "stock": (r"in stock|available|availability|sold out|how many (?:are )?left|有货|库存|现货|缺货|还有货", ()),
    "rating": (r"rating|rated|stars?|评分|几星|多少分", ()),
    "brand": (r"(?:what|which) brand|who makes|made by|manufacturer|牌子|品牌|谁生产", ()),
}  # fmt: skip
"""Concept → how it is asked about, and words in the names of attributes that hold it."""

COMPARATIVES = {
    "lighter": ("weight", "lower"), "less heavy": ("weight", "lower"), "heavier": ("weight", "higher"), "heaviest": ("weight", "higher"), "lightest": ("weight", "lower"),
    "bigger": ("size", "higher"), "larger": ("size", "higher"), "biggest": ("size", "higher"), "largest": ("size", "higher"), "smaller": ("size", "lower"), "smallest": ("size", "lower"), "more compact": ("size", "lower"), "most compact": ("size", "lower"),
    "roomier": ("capacity", "higher"), "roomiest": ("capacity", "higher"), "most spacious": ("capacity", "higher"), "more spacious": ("capacity", "higher"),
    "longer": ("size", "higher"), "longest": ("size", "higher"), "shorter": ("size", "lower"), "shortest": ("size", "lower"),
    "warmer": ("warmth", "lower"), "warmest": ("warmth", "lower"), "brighter": ("brightness", "higher"), "brightest": ("brightness", "higher"),
    "more waterproof": ("waterproof", "higher"), "most waterproof": ("waterproof", "higher"), "more powerful": ("power", "higher"), "most powerful": ("power", "higher"),
    "最轻": ("weight", "lower"), "更轻": ("weight", "lower"), "轻一点": ("weight", "lower"), "轻点": ("weight", "lower"), "轻一些": ("weight", "lower"), "轻些": ("weight", "lower"), "最重": ("weight", "higher"), "更重": ("weight", "higher"),
    "最大": ("size", "higher"), "更大": ("size", "higher"), "大一点": ("size", "higher"), "大点": ("size", "higher"), "大一些": ("size", "higher"), "最小": ("size", "lower"), "更小": ("size", "lower"), "小一点": ("size", "lower"), "小点": ("size", "lower"), "小一些": ("size", "lower"), "最长": ("size", "higher"), "最短": ("size", "lower"),
    "容量最大": ("capacity", "higher"), "最保暖": ("warmth", "lower"), "最暖": ("warmth", "lower"), "更保暖": ("warmth", "lower"), "更暖": ("warmth", "lower"), "暖和一点": ("warmth", "lower"), "暖一点": ("warmth", "lower"), "保暖一点": ("warmth", "lower"), "最亮": ("brightness", "higher"), "更亮": ("brightness", "higher"), "亮一点": ("brightness", "higher"), "最防水": ("waterproof", "higher"), "更防水": ("waterproof", "higher"),
}  # fmt: skip
"""Phrase → concept and direction. Warmth is `lower`: a lower comfort temperature is warmer."""

NAMED_SUPERLATIVES = {
    "cheapest": r"cheapest|lowest[- ]?priced?|lowest cost|least expensive|most affordable|lowest price|best price|最便宜|最低价|价格最低|最实惠|最低的价",
    "dearest": r"most expensive|dearest|priciest|costliest|highest[- ]priced?|highest price|最贵|最高价|价格最高|价钱最高",
    "most_reviewed": r"most[- ]reviewed|most (?:reviews|ratings)|评价最多|评论最多|评价数最多|最多评价|最多评论|最多人评",
    "best_rated": r"best[- ]rated|top[- ]rated|highest[- ]rated|best[- ]review(?:ed|s)|(?:highest|best|top) ratings?|评分最高|评价最好|评价最高|口碑最好|好评最多|最好评|得分最高|分数最高",
    "newest": r"newest|latest|most recent|new arrivals?|最新|新到货|新上架|刚上架|新上市",
}  # fmt: skip
