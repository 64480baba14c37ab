"""A lane as a process: its specification, its pages, its life."""
