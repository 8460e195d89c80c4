"""Every chapter that measures models, in the order of the book: its name → its `CHAPTER`."""

from seelike.chapters import attention_distance, data_scale, localization, methods, mixer, skip_connections, uniformity

MODULES = (uniformity, attention_distance, skip_connections, localization, data_scale, mixer, methods)
CHAPTERS = {module.CHAPTER.name: module.CHAPTER for module in MODULES}
