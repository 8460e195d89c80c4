"""Result files: written, checked, judged by claims, read again and compared."""
