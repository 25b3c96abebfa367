"""Resources of an analytics gateway that speaks the five integration guides."""
