"""What Deribit documents and the simulated one has not: blocks, combos, transfers, users, quotes.

Source: docs.deribit.com, API reference; 10033 of its error codes.
"""

_PUBLIC = """
    exchange_token fork_token get_apr_history get_block_rfq_trades get_combo_details
    get_volatility_index_data
"""
_PRIVATE = """
    accept_block_rfq add_block_rfq_quote add_to_address_book approve_block_trade
    cancel_all_block_rfq_quotes cancel_block_rfq cancel_block_rfq_quote
    cancel_block_rfq_trigger cancel_quotes cancel_transfer_by_id cancel_withdrawal
    change_api_key_name change_margin_model change_scope_in_api_key change_subaccount_name
    create_api_key create_block_rfq create_combo create_deposit_address create_subaccount
    delete_address_beneficiary delete_member disable_api_key edit_api_key
    edit_block_rfq_quote enable_affiliate_program enable_api_key execute_block_trade
    get_address_beneficiary get_address_book get_affiliate_program_info get_block_rfq_makers
    get_block_rfq_quotes get_block_rfq_user_info get_block_rfqs get_block_trade
    get_block_trade_requests get_block_trades get_broker_clients get_broker_trade_requests
    get_broker_trades get_currencies get_current_deposit_address get_email_language
    get_leg_prices get_members get_mmp_config get_mmp_status get_new_announcements
    get_reward_eligibility invalidate_block_trade_signature list_address_beneficiaries
    list_api_keys list_custody_accounts mass_quote move_positions reject_block_trade
    remove_api_key remove_from_address_book remove_subaccount reset_api_key reset_mmp
    save_address_beneficiary set_announcement_as_read set_clearance_originator
    set_disabled_trading_products set_email_for_subaccount set_email_language set_member
    set_mmp_config set_self_trading_config simulate_block_trade simulate_portfolio
    submit_transfer_between_subaccounts submit_transfer_to_subaccount
    submit_transfer_to_user toggle_notifications_from_subaccount toggle_subaccount_login
    update_in_address_book verify_block_trade withdraw
"""
UNSUPPORTED = frozenset(
    f"{scope}/{name}"
    for scope, names in (("public", _PUBLIC), ("private", _PRIVATE))
    for name in names.split()
)
