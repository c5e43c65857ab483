
class OrdersItemItem(TypedDict):
    sku: str
    giftFor: NotRequired[Literal["child", "adult"]]
    parts: NotRequired[list[OrdersItemItem]]

class OrdersItemPaymentCard(TypedDict):
    kind: Literal["card"]
    number: str

class OrdersItemPaymentCash(TypedDict):
    kind: Literal["cash"]

class OrdersItem(TypedDict):
    # Given by the shop
    id: str
    items: list[OrdersItemItem]
    note: NotRequired[str | None]
    payment: OrdersItemPaymentCard | OrdersItemPaymentCash

LivePricesItem: TypeAlias = "dict[str, float]"

OrderCreatedData: TypeAlias = "OrdersItem"

class StockLowData(TypedDict):
    sku: str
    left: int

BillOrderInput: TypeAlias = "OrdersItem"

NewOrderBody: TypeAlias = "OrdersItem"

NewOrderResponse201Body: TypeAlias = "OrdersItem"

class NewOrderResponse404Body(TypedDict):
    error: str

class Streams(Protocol):
    @property
    def orders(self) -> Stream[OrdersItem]: ...
    @overload
    def __getitem__(self, name: Literal["orders"], /) -> Stream[OrdersItem]: ...
    @overload
    def __getitem__(self, name: Literal["live prices"], /) -> Stream[LivePricesItem]: ...

# Handled by steps/bill_order_step.py
class OrderCreatedEvent(EmitOptions):
    topic: Literal["order.created"]
    data: OrderCreatedData
    messageGroupId: NotRequired[str]

# Handled by steps/refill.step.ts
class StockLowEvent(EmitOptions):
    topic: Literal["stock-low"]
    data: StockLowData
    messageGroupId: str

# steps/bill_order_step.py
class BillOrderContext(Context, Protocol):
    @property
    def event(self) -> EventInfo: ...
    def emit(self, event: StockLowEvent, /) -> Awaitable[str]: ...

# steps/new_order_step.py
NewOrderRequest: TypeAlias = "ApiRequest[NewOrderBody]"

class NewOrderResponse201(TypedDict):
    status: Literal[201]
    body: NewOrderResponse201Body
    headers: NotRequired[Mapping[str, str | list[str]]]

class NewOrderResponse404(TypedDict):
    status: Literal[404]
    body: NewOrderResponse404Body
    headers: NotRequired[Mapping[str, str | list[str]]]

NewOrderResponse: TypeAlias = "NewOrderResponse201 | NewOrderResponse404"

class NewOrderContext(Context, Protocol):
    @overload
    def emit(self, event: OrderCreatedEvent, /) -> Awaitable[str]: ...
    @overload
    def emit(self, event: StockLowEvent, /) -> Awaitable[str]: ...
