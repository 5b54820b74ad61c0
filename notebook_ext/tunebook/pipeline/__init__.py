"""The pipeline core: from a spec to a published model. Imports neither IPython, anywidget nor mcp."""
