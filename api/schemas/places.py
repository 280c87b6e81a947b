"""Places as they are told."""

from pydantic import Field

from api.schemas.common import Form, Text


class ShipFromIn(Form):
    """Where a seller's parcels are fetched. Personal: it is kept sealed."""

    city: Text = Field(min_length=1, examples=["Shenzhen"])
    street: Text = Field(default="", examples=["88 Nanhai Road"])
    postcode: Text = Field(default="", max_length=20, examples=["518000"])
    phone: Text = Field(default="", max_length=40, examples=["+86 755 123456"])
    name: Text = Field(default="", examples=["Good Goods Ltd"])
