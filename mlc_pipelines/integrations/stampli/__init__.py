"""Stampli over SFTP: approved invoices come as files and become supplier invoices and vouchers in IFS."""
