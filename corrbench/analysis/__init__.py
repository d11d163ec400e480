"""What a run says: causes of its findings, differences between runs, known findings."""
