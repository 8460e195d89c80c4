"""Any timm model by name, and the bundled ones with their weights."""

from seelike.models import bundled as bundled  # registers the bundled models with timm
from seelike.models import dense as dense  # likewise
from seelike.models import duoformer as duoformer  # likewise
from seelike.models import hlg as hlg  # likewise
from seelike.models import vtcc as vtcc  # likewise
