"""Changes the requests that schemathesis generates, before it sends them."""

import schemathesis


@schemathesis.hook
def map_body(context, body):
    """Writes a whole number without a fraction.

    To JSON Schema 75.0 is an integer; the server takes an integer as it is usually written, and JavaScript
    writes it only so. No schema can tell the two apart.
    """
    return whole(body)


def whole(value):
    if isinstance(value, float) and value.is_integer():
        return int(value)
    if isinstance(value, list):
        return [whole(item) for item in value]
    if isinstance(value, dict):
        return {key: whole(item) for key, item in value.items()}
    return value
