"""Instructed edits made by program from published code, in the very prompts of the plugins, and holes to fill in."""
