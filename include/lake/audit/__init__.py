"""The audit: conservation, completeness and agreement of what landed."""
