"""What a page of the site may load and run: its own scripts and styles from beside it, and nothing else."""

CONTENT_SECURITY_POLICY = (
    "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data:; base-uri 'none'; "
    "form-action 'none'"
)
"""No inline script or style, no `eval`, no other host. Forms are handled by scripts."""
