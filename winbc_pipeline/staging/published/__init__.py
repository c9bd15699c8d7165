"""What runs publish for the dashboard: files that anybody may read without opening a flow's database."""
