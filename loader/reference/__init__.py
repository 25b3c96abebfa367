"""A small contact centre as files, and the marts that are made of it on every engine."""
