"""Binance's addresses beyond the tables of calls: those of other products, and what is none. Pure.

Source: developers.binance.com, the names that addresses of wallet and derivatives begin with.
"""

import re

from streaming.simulator.binance_calls import CALLS
from streaming.simulator.binance_parameters import BinanceError

_WALLET = """
    account accountSnapshot accumulator algo apiReferral asset blvt bnbBurn broker bswap c2c capital
    convert copyTrading dci equity eth-staking fiat futures giftcard lending loan localentity
    managed-subaccount margin mining nft pay portfolio rebate simple-earn sol-staking spot staking
    sub-account system userDataStream userListenToken
"""
_DERIVATIVES = """
    account accountConfig adlQuantile aggTrades algoOpenOrders algoOrder allAlgoOrders allOpenOrders
    allOpenOrdersByUnderlying allOrders apiReferral apiTradingStatus asset-collection assetIndex
    auto-collection balance batchOrders bill block blockTrades bnb-transfer cm comission
    commissionRate constituents continuousKlines convert countdownCancelAll
    countdownCancelAllHeartBeat depth exchangeInfo exerciseHistory exerciseRecord feeBurn
    forceOrders fundingInfo fundingRate historicalTrades historyOrders income index indexInfo
    indexPriceKlines insuranceBalance klines leverage leverageBracket listenKey lvtKlines margin
    marginAccount marginLoan marginType mark markPriceKlines mmp mmpReset mmpSet multiAssetsMargin
    openAlgoOrders openInterest openOrder openOrders order orderAmendment ping pmAccountInfo
    pmExchangeInfo portfolio position positionMargin positionRisk positionSide premiumIndex
    premiumIndexKlines rateLimit repay-futures-negative-balance repay-futures-switch repayLoan
    rpiDepth stock symbolAdlRisk symbolConfig ticker time trade trades tradingSchedule um userTrades
"""
_OTHER_PRODUCTS = re.compile(
    rf"/sapi/v[1-4]/(?:{'|'.join(_WALLET.split())})(?:/.*)?"
    rf"|/[fdep]api/v[1-3]/(?:{'|'.join(_DERIVATIVES.split())})(?:/.*)?"
    r"|/futures/data/.+"
)
_BEGINS = ("api", "sapi", "wapi", "fapi", "dapi", "eapi", "papi", "bapi", "futures")
_SOCKETS = ("ws", "stream", "ws-api", "ws-fapi", "ws-dapi")


def is_unsupported(path: str) -> bool:
    """Whether Binance documents it for a product that is not simulated; nothing below a call."""
    below_call = any(path.startswith(call.path) for call in CALLS)
    return not below_call and _OTHER_PRODUCTS.fullmatch(path) is not None


def is_path(plain: str) -> bool:
    """Whether it seems to be Binance's, in small letters."""
    return plain.split("/")[1] in _BEGINS + _SOCKETS


def refuse_path(path: str, method: str) -> BinanceError:
    """The refusal of an address that Binance does not have."""
    return BinanceError(404, -5000, f"Path {path}, Method {method} is invalid")
