"""Places as they are told."""

from pydantic import Field

from api.schemas.common import Form, Phone, Postcode, Text


class ShipFromIn(Form):
    """Where a seller's parcels are fetched. Personal: it is kept sealed."""

    city: Text = Field(min_length=1, examples=["Shenzhen"])
    street: Text = Field(default="", examples=["88 Nanhai Road"])
    postcode: Postcode = Field(default="", examples=["518000"])
    phone: Phone = Field(default="", examples=["+86 755 123456"])
    name: Text = Field(default="", examples=["Good Goods Ltd"])
