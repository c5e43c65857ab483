"""What an api step's handler is given: the request."""

from wit_world.imports import types as wit

from .values import Record, parse

_ALIASES = {"path_params": "pathParams", "query_params": "queryParams", "raw_body": "rawBody"}


class ApiRequest(Record):
    """An HTTP request: a mapping with the fields as attributes.

    Fields: `body`, `headers`, `pathParams`, `queryParams`, `rawBody` (text, or bytes where the body is
    not text), `method`, `path`, and `files` for multipart bodies. The names with underscores
    (`path_params`, `query_params`, `raw_body`) work as well.
    """

    def __class_getitem__(cls, _parameters):
        return cls

    def __missing__(self, key):
        if key in _ALIASES:
            return self[_ALIASES[key]]
        raise KeyError(key)

    def get(self, key, default=None):
        """The field, or `default`."""
        return super().get(_ALIASES.get(key, key), default)


class File(Record):
    """A file of a multipart body: `filename`, `content_type` and `data` (bytes)."""


def request(source):
    """The request for the WIT record."""
    headers = Record()
    for name, value in source.headers:
        # RFC 9110, 5.3: lines of one name are one list; cookies have their own separator (RFC 9113).
        separator = "; " if name == "cookie" else ", "
        headers[name] = f"{headers[name]}{separator}{value}" if name in headers else value
    body, raw, files = _body(source)
    made = ApiRequest(
        body=body,
        headers=headers,
        pathParams=Record(source.path_params),
        queryParams=parse(source.query_params) if source.query_params else Record(),
        rawBody=raw,
        method=source.method,
        path=source.path,
    )
    if files is not None:
        made["files"] = files
    return made


def _body(source):
    """The body, the raw body and, for multipart, the files."""
    kind, data = source.body, source.raw_body
    if isinstance(kind, wit.Body_Empty):
        # Motia gives a request without a body an empty object.
        return Record(), "", None
    if isinstance(kind, wit.Body_Json):
        text = data.decode("utf-8")
        return parse(text), text, None
    if isinstance(kind, wit.Body_Text):
        text = data.decode("utf-8", "replace")
        return text, text, None
    if isinstance(kind, wit.Body_Form):
        return parse(kind.value), data.decode("utf-8", "replace"), None
    if isinstance(kind, wit.Body_Multipart):
        fields, files = _multipart(kind.value)
        return fields, data, files
    return data, data, None


def _multipart(parts):
    """The fields and files by name, and the files alone; a name that occurs again makes a list."""
    fields, files = Record(), Record()
    for part in parts:
        if part.file_name is None:
            value = part.data.decode("utf-8", "replace")
        else:
            value = File(filename=part.file_name, content_type=part.content_type, data=part.data)
            _add(files, part.name, value)
        _add(fields, part.name, value)
    return fields, files


def _add(record, name, value):
    if name not in record:
        record[name] = value
    elif isinstance(record[name], list):
        record[name].append(value)
    else:
        record[name] = [record[name], value]
