"""What every page stands in and is made with: the request, the rail, cells, widgets, words."""
