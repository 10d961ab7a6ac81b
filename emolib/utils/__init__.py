"""What every room uses: messages, files, caches, progress."""
