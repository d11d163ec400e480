"""What can a user ask for? One command a file; a file here is found by itself."""
