"""The pages that people see in a browser: plain HTML, one style, no script, nothing from elsewhere.

Data go in and a ``Page`` comes out; what a browser sends is read here, too, and nowhere else.
"""
