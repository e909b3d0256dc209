"""What lies beside the page for other programs: CSV, Markdown, and text in sclite's forms."""
