"""Ready tools: search the web and read its pages."""
