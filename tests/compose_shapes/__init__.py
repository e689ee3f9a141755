"""The shapes of published compose files: inputs of our own, and a table of how each goes in.

A shape has the services, keys, spellings and order of a stack that people run; names, images and values are invented.
The table of a folder (`table.yaml`) says for each file which stack it stands for, what it needs and how it is accepted.
`python -m tests.compose_shapes` tries every shape and writes the tables, and the one in docs/sources.md, anew.
"""
