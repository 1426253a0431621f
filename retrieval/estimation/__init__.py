"""What images show: estimates of networks and landmarks, brought together."""
