"""Schools and daycare as the registers of the Agency for IT and Learning (STIL) have them."""

from __future__ import annotations

from ..open_data import OpenSource
from .layers import Layer
from .registers import services_of


def services_of_institutions(layer: Layer, known: OpenSource) -> Layer:
    """
    Make services of schools (Institutionsregisteret) or daycare (Dagtilbudsregisteret), in any form `known` describes.

    A school is where the children of the place go: a folkeskole, a free or private one, an international one. Those
    to which children are referred or sent from afar (special schools, efterskoler, treatment) are left out, as is
    care in private homes (dagpleje): whose addresses nobody should map. A department at the address of its school
    counts once with it, one elsewhere is a school of its own. An institution without coordinates is left out and
    named: a postal town is no position. See `services_of`.

    Raises
    ------
    TableError
        If a field is gone, or no row is left.
    """
    return services_of(layer, known)
