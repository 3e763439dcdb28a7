"""A small reader of Bicep: what a template would deploy, worked out without Azure.

It knows the part of the language that infra/ uses, and refuses the rest: what it cannot read, no
test passes. It checks no types; that is the compiler's business.
"""
