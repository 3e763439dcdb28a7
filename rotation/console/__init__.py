"""What the commands show: tables on stdout; progress, events and complaints on stderr.

Colour and progress only where the stream is a terminal; text from outside is never markup.
"""
