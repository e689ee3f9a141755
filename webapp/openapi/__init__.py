"""The description of the HTTP API: a table of what each call takes and answers, and the OpenAPI document built of it.

`python -m webapp.write_openapi` rewrites docs/openapi.json.
"""
