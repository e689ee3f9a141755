"""`make screenshots`: the pictures of docs/images, of a Backstay that runs over a past that was written for it."""
