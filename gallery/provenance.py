"""Say inside a picture's file that a generator drew it, or a part of it.

The mark is the property `Iptc4xmpExt:DigitalSourceType` of an XMP packet. Programs that show where
pictures come from read it there.

Source: IPTC Photo Metadata Standard 2023.1, "Digital Source Type", with the terms of
cv.iptc.org/newscodes/digitalsourcetype; ISO 16684-1 (XMP), packet; PNG, chunk iTXt with the keyword
"XML:com.adobe.xmp".
"""

from typing import Any, Literal

from PIL import Image, PngImagePlugin

Drawn = Literal["trainedAlgorithmicMedia", "compositeWithTrainedAlgorithmicMedia"]
WHOLE: Drawn = "trainedAlgorithmicMedia"  # all of it was drawn by a generator
PART: Drawn = "compositeWithTrainedAlgorithmicMedia"  # drawings stand beside photographs
_PACKET = """<?xpacket begin="\ufeff" id="W5M0MpCehiHzreSzNTczkc9d"?>
<x:xmpmeta xmlns:x="adobe:ns:meta/"><rdf:RDF
 xmlns:rdf="http://www.w3.org/1999/02/22-rdf-syntax-ns#"><rdf:Description rdf:about=""
 xmlns:Iptc4xmpExt="http://iptc.org/std/Iptc4xmpExt/2008-02-29/" xmlns:xmp="http://ns.adobe.com/xap/1.0/"
 xmp:CreatorTool="mindseye"
 Iptc4xmpExt:DigitalSourceType="http://cv.iptc.org/newscodes/digitalsourcetype/{kind}"/></rdf:RDF>
</x:xmpmeta>
<?xpacket end="w"?>"""
KEY = "xmp"  # in `Image.info`, as Pillow calls what it reads


def mark(picture: Image.Image, kind: Drawn) -> Image.Image:
    """Mark a picture as drawn; `options` writes the mark into its file. Return the picture."""
    picture.info[KEY] = _PACKET.format(kind=kind).encode()
    return picture


def options(picture: Image.Image, file_format: str) -> dict[str, Any]:
    """Return what `Image.save` needs so that a picture's mark is written, if it has one.

    Args:
        picture: As `mark` returned it.
        file_format: "PNG", "JPEG", "WEBP"; others take no mark.
    """
    packet = picture.info.get(KEY)
    if packet is None:
        return {}
    if file_format == "PNG":
        text = PngImagePlugin.PngInfo()
        text.add_itxt("XML:com.adobe.xmp", packet.decode())
        return {"pnginfo": text}
    return {"xmp": packet} if file_format in ("JPEG", "WEBP") else {}
