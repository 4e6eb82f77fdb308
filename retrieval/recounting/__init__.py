"""Records worked out again from the raw rows, by code that shares nothing with what made them.

`log` counts in the event log, `rows` reads the product, review and offer tables, `command` compares
with what the evidence says.
"""
