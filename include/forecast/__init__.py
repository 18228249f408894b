"""History, the Prophet model, its evaluation and the published forecast file."""
