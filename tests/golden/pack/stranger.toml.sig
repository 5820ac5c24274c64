ed25519 somebody qAdIOM+kIQuMpKbTDb+Xm+tQ5NYqOzbz+RjPLrR0cPE96PSdckoC3hWjP93ysNgIbDx95VBxGiV0sy+V/xRkDA==
