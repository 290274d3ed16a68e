"""Order Dispatch: orders and the devices shipped on them, as files bring them in.

`layout` declares the record, `text` and `cmp_json` read the two file forms, `loading`
chooses between them and judges the rows.
"""
