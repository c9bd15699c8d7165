"""What holds of the project as a whole: its source, its libraries, its tests."""
