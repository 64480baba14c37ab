"""Names of the strategies that ship, for --strategy."""

SHIPPED = {
    "demo": "strategies.demo.imbalance:Imbalance",
    "demo-native": "strategies.demo.imbalance_native:ImbalanceNative",
}
