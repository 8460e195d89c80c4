"""What makes a site of the executed chapters: figures for light and dark pages, with their numbers beside them."""
