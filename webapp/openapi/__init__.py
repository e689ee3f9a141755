"""The HTTP API described: what each call takes and answers, in one table, and the OpenAPI document that comes of it.

`python -m webapp.openapi` writes docs/openapi.json anew.
"""
