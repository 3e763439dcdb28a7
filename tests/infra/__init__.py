"""What is deployed: the queries, the alerts and the workbook."""
