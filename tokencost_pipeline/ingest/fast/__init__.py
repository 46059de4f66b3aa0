"""The vectorised path: whole blocks of lines of canonical events at once, in NumPy and Arrow.

It only has to be sound. A line is taken when its bytes are, one for one, those of a *template* (a line that
went through the strict gate, with its values cut out) around values whose form leaves no doubt: then it is
valid JSON with the keys of the template, and what the line-by-line code would make of it is known. Every
other line, odd or only unusual, goes through that code unchanged.

`template` finds the literal text between values, `lines` looks at a block's bytes, `cells` reads values,
`events` puts them together as landed columns.
"""
