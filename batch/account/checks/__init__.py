"""What the doctor looks at, a room for each part of the body."""
