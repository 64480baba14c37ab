"""Clients that others wrote talk to the venue: that is how we know that it is honest."""

from __future__ import annotations

import asyncio
import importlib.util
from pathlib import Path

import pytest

pytestmark = [
    pytest.mark.requires_third_party,
    pytest.mark.filterwarnings("ignore::DeprecationWarning"),  # theirs
]

SDK = "binance_sdk_derivatives_trading_usds_futures"
has_sdk = pytest.mark.skipif(
    importlib.util.find_spec(SDK) is None, reason="requires third party: Binance's SDK"
)
has_python_binance = pytest.mark.skipif(
    importlib.util.find_spec("binance") is None, reason="requires third party: python-binance"
)


@has_sdk
def test_binances_own_sdk_trades_over_rest_websocket_and_streams(lively):
    """REST signed with HMAC, the WebSocket API with Ed25519, five streams, pydantic models."""
    from binance_common.configuration import (
        ConfigurationRestAPI,
        ConfigurationWebSocketAPI,
        ConfigurationWebSocketStreams,
    )
    from binance_sdk_derivatives_trading_usds_futures import (
        derivatives_trading_usds_futures as sdk,
    )

    async def scenario(client):
        keys, addresses = client.keys, client.addresses
        them = sdk.DerivativesTradingUsdsFutures(
            ConfigurationRestAPI(
                keys["hmac"]["api_key"], keys["hmac"]["secret"], addresses["rest"], retries=0
            ),
            ConfigurationWebSocketAPI(
                keys["ed25519"]["api_key"], "",
                Path(keys["ed25519"]["private_key_file"]).read_text(),
                stream_url=addresses["ws_api"],
            ),
            ConfigurationWebSocketStreams(addresses["ws"] + "/stream"),
        )

        async def rest(name, *positional, **named):
            call = getattr(them.rest_api, name)
            return (await asyncio.to_thread(call, *positional, **named)).data()

        info = await rest("exchange_information")
        assert [one.symbol for one in info.symbols] == ["BTCUSDT", "ETHUSDT"]
        placed = await rest(
            "new_order", "BTCUSDT", "BUY", "LIMIT", price=99_000.1, quantity=0.01,
            time_in_force="GTC", new_client_order_id="sdk:/1",
        )
        assert placed.status == "NEW"
        gone = await rest("cancel_order", "BTCUSDT", orig_client_order_id="sdk:/1")
        assert gone.status == "CANCELED"
        with pytest.raises(Exception, match="-2011"):
            await rest("cancel_order", "BTCUSDT", orig_client_order_id="sdk:/1")

        key = (await rest("start_user_data_stream")).listen_key
        streams = await them.websocket_streams.create_connection()
        seen: dict[str, list[object]] = {}
        for name, stream in {
            "depth": await streams.diff_book_depth_streams("btcusdt", update_speed="100ms"),
            "ticker": await streams.individual_symbol_book_ticker_streams("btcusdt"),
            "trade": await streams.aggregate_trade_streams("btcusdt"),
            "mark": await streams.mark_price_stream("btcusdt", update_speed="1s"),
            "user": await streams.user_data(key),
        }.items():
            seen[name] = []
            stream.on("message", seen[name].append)
        api = await them.websocket_api.create_connection()
        bought = await api.new_order("BTCUSDT", "BUY", "MARKET", quantity=0.02)
        assert bought.data().status == 200
        while not all(seen.values()) or len(seen["user"]) < 4:
            await asyncio.sleep(0.05)
        assert seen["depth"][0].ps == "BTCUSDT" and seen["depth"][0].st == 1
        kinds = [type(event.actual_instance).__name__ for event in seen["user"]]
        assert kinds[:2] == ["OrderTradeUpdate", "TradeLite"] and "AccountUpdate" in kinds
        (held,) = await rest("position_information_v3")
        assert held.position_amt == "0.020"
        trades = await rest("account_trade_list", "BTCUSDT")
        record = await client.record(keys["account"])
        assert [(one.id, one.commission) for one in trades] == [
            (one["trade_id"], one["fee"]) for one in record["fills"]
        ]
        await streams.close_connection()
        await api.close_connection()

    lively.play(scenario)


@has_python_binance
def test_python_binance_trades_in_hedge_mode(lively):
    """Hedge mode over REST and the WebSocket API, its own routing of streams."""
    from binance import AsyncClient, BinanceSocketManager

    async def scenario(client):
        keys, addresses = client.keys, client.addresses
        them = AsyncClient(keys["hmac"]["api_key"], keys["hmac"]["secret"])
        them.FUTURES_URL = addresses["rest"] + "/fapi"
        them.ws_future._url = addresses["ws_api"]
        sockets = BinanceSocketManager(them)
        sockets.FSTREAM_URL = addresses["ws"] + "/"
        try:
            await them.futures_change_position_mode(dualSidePosition="true")
            async with sockets.futures_user_socket() as told:
                await them.futures_create_order(
                    symbol="BTCUSDT", side="SELL", positionSide="SHORT", type="MARKET",
                    quantity="0.01",
                )
                kinds = [(await told.recv())["e"] for _ in range(3)]  # it waits 10 s for a 5th
                assert kinds == ["ORDER_TRADE_UPDATE", "TRADE_LITE", "ACCOUNT_UPDATE"]
            placed = await them.ws_futures_create_order(
                symbol="BTCUSDT", side="BUY", positionSide="LONG", type="LIMIT",
                timeInForce="GTX", price="99000.1", quantity="0.01",
            )
            assert placed["status"] == "NEW"
            assert len(await them.futures_get_open_orders(symbol="BTCUSDT")) == 1
            rows = await them.futures_position_information()
            held = {row["positionSide"]: row["positionAmt"] for row in rows}
            assert held == {"BOTH": "0.000", "LONG": "0.000", "SHORT": "-0.010"}
            names = ["btcusdt@depth@100ms", "btcusdt@bookTicker"]
            async with sockets.futures_multiplex_socket(names, category="public") as market:
                assert (await market.recv())["stream"] in names
        finally:
            await them.close_connection()

    lively.play(scenario)
