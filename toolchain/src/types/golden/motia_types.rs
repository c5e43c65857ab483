// Written by motia from the configs of the project's steps; `motia dev` writes it again: do not edit.
//
// In a step, with the path from its own file to this one:
//
//     #[path = "../motia_types.rs"]
//     mod types;

#![allow(dead_code)]

#[derive(Debug, Clone, Copy, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
pub enum OrdersItemItemGiftFor {
    #[serde(rename = "child")]
    Child,
    #[serde(rename = "adult")]
    Adult,
}

#[derive(Debug, Clone, PartialEq, serde::Serialize, serde::Deserialize)]
pub struct OrdersItemItem {
    pub sku: String,
    #[serde(rename = "giftFor")]
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub gift_for: Option<OrdersItemItemGiftFor>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub parts: Option<Vec<OrdersItemItem>>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
pub enum OrdersItemPaymentCardKind {
    #[serde(rename = "card")]
    Card,
}

#[derive(Debug, Clone, PartialEq, serde::Serialize, serde::Deserialize)]
pub struct OrdersItemPaymentCard {
    pub kind: OrdersItemPaymentCardKind,
    pub number: String,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
pub enum OrdersItemPaymentCashKind {
    #[serde(rename = "cash")]
    Cash,
}

#[derive(Debug, Clone, PartialEq, serde::Serialize, serde::Deserialize)]
pub struct OrdersItemPaymentCash {
    pub kind: OrdersItemPaymentCashKind,
}

#[derive(Debug, Clone, PartialEq, serde::Serialize, serde::Deserialize)]
#[serde(untagged)]
pub enum OrdersItemPayment {
    Card(OrdersItemPaymentCard),
    Cash(OrdersItemPaymentCash),
}

#[derive(Debug, Clone, PartialEq, serde::Serialize, serde::Deserialize)]
pub struct OrdersItem {
    /// Given by the shop
    pub id: String,
    pub items: Vec<OrdersItemItem>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub note: Option<String>,
    pub payment: OrdersItemPayment,
}

pub type LivePricesItem = std::collections::BTreeMap<String, f64>;

pub type OrderCreatedData = OrdersItem;

#[derive(Debug, Clone, PartialEq, serde::Serialize, serde::Deserialize)]
pub struct StockLowData {
    pub sku: String,
    pub left: i64,
}

/// Emits `order.created`, handled by steps/bill_order_step.py, and returns the event's id.
#[track_caller]
pub fn emit_order_created(ctx: &motia::Context, data: &OrderCreatedData) -> motia::Result<String> {
    event_order_created(ctx, data).emit()
}

/// An event for `order.created` that may be given options; `.emit()` sends it.
pub fn event_order_created(ctx: &motia::Context, data: &OrderCreatedData) -> motia::EventBuilder {
    ctx.event("order.created", data)
}

/// Emits `stock-low`, handled by steps/refill.step.ts, and returns the event's id.
#[track_caller]
pub fn emit_stock_low(
    ctx: &motia::Context,
    group: &str,
    data: &StockLowData,
) -> motia::Result<String> {
    event_stock_low(ctx, group, data).emit()
}

/// An event for `stock-low` that may be given options; `.emit()` sends it.
pub fn event_stock_low(
    ctx: &motia::Context,
    group: &str,
    data: &StockLowData,
) -> motia::EventBuilder {
    ctx.event("stock-low", data).group(group)
}
