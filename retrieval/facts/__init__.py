"""The kinds of evidence, one module each for where they come from; `retrieval.records` joins them.

Every method returns None when the record does not exist or says too little, so that nothing can be
said of it.
"""
