"""The business rules of single entity sets: master data, sales documents, posting, bound actions, dimensions.

Here belongs: what Business Central checks, fills in and books beside storing a record.
Not here: how a call is read and answered (odata/), and HTTP (app.py).
"""
