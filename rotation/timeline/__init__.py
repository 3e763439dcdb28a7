"""How lives stand on an axis of time: what the status page and the terminal both draw. Pure.

Places and widths are per cent of a picture's width; what draws it turns them into its own units.
"""
