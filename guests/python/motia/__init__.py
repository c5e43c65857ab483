"""What a Motia step may import: the types of its arguments and the errors that steer retries."""

from .context import FlowContext
from .errors import MotiaError, NonRetryableError, RetryAfterError
from .request import ApiRequest
from .response import ApiResponse

__all__ = ["ApiRequest", "ApiResponse", "FlowContext", "MotiaError", "NonRetryableError", "RetryAfterError"]
