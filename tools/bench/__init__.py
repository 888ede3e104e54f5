"""How long up, a second up and destroy take, how fast requests are and what they cost: `python -m tools.bench`.

Beside it stand the manual steps as one script, with the fork's images, and an empty stack. It is no test.
"""
